package config

const KindEngine = "engine"

type Engine struct {
	Extensions, ConfigDir string
	Seed                  uint64
}
