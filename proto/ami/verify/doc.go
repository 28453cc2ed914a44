// Package verify is the ordering rules of Asterisk's events as a checker.
package verify
