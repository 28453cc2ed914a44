package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/amibus/amibus/node/config"
)

// hashSecret runs the command with the input given.
func hashSecret(input string) (stdout string, err error) {
	root := rootCommand()
	var out, errOut bytes.Buffer
	root.SetArgs([]string{"hash-secret"})
	root.SetIn(strings.NewReader(input))
	root.SetOut(&out)
	root.SetErr(&errOut)
	err = root.ExecuteContext(context.Background())
	return out.String(), err
}

// TestHashSecret: the line that is printed lets the user in who has that secret, and nobody else.
func TestHashSecret(t *testing.T) {
	t.Parallel()
	line, err := hashSecret("s3cret; $x\r\nmore\n")
	if err != nil || strings.Contains(line, "s3cret") {
		t.Fatalf("%q, %v", line, err)
	}
	file := filepath.Join(t.TempDir(), "manager.conf")
	if err := os.WriteFile(file, []byte("[admin]\n"+line), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := config.LoadManager(file, "")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := m.User("admin")
	if !secretIs(t, u, "s3cret; $x") || secretIs(t, u, "s3cret") || !u.HashedOnly() {
		t.Errorf("the line is not the hash of the secret: %s", line)
	}
	again, _ := hashSecret("s3cret; $x")
	if again == line {
		t.Error("two hashes of one secret are the same: there is no salt")
	}
	for _, input := range []string{"", "\n", "a\tb\n"} {
		if out, err := hashSecret(input); err == nil || out != "" {
			t.Errorf("%q: printed %q", input, out)
		}
	}
}

func secretIs(t *testing.T, u *config.User, given string) bool {
	t.Helper()
	is, err := u.SecretIs(t.Context(), given)
	if err != nil {
		t.Fatal(err)
	}
	return is
}
