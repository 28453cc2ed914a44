package config

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// Hashes of "password" with the salt "somesalt", from the tests of the reference implementation of Argon2.
const (
	cheapHash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	largeHash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
)

func secretIs(u *User, given string) bool {
	is, err := u.SecretIs(context.Background(), given)
	return is && err == nil
}

// TestSecretIs: plain or hashed; without a secret nothing is right.
//
//ami:same 5.5
func TestSecretIs(t *testing.T) {
	t.Parallel()
	for secret, right := range map[string]string{"secret": "secret", cheapHash: "password", "": "-"} {
		u, _ := only(t, "secret="+secret+"\n")
		if right != "-" && !secretIs(u, right) {
			t.Errorf("%s: the right secret is wrong", secret)
		}
		for _, wrong := range []string{"", "x", "Password", "password ", cheapHash} {
			if secretIs(u, wrong) {
				t.Errorf("%q lets %q in", secret, wrong)
			}
		}
		if hashed := strings.HasPrefix(secret, "$"); u.HashedOnly() != hashed || hashed && u.Secret != "" {
			t.Errorf("%q: hashed only is %v, and the secret %q", secret, u.HashedOnly(), u.Secret)
		}
	}
	if secretIs(nil, "") {
		t.Error("nobody gets in")
	}
}

// TestHashSecret: what is made is taken.
func TestHashSecret(t *testing.T) {
	t.Parallel()
	hash, err := HashSecret("pässword, = ;")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := only(t, "secret => "+hash+"\n")
	if !secretIs(u, "pässword, = ;") || secretIs(u, "password") {
		t.Error("the hash is not that of the secret")
	}
}

// TestParseArgon2: what costs too much or nothing, and what is not in the one form, is refused.
func TestParseArgon2(t *testing.T) {
	t.Parallel()
	const sum = "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	for text, want := range map[string]string{
		"$argon2id$v=19$m=131073,t=2,p=1" + sum:                          "m=131073, must be 8 to 131072 KiB",
		"$argon2id$v=19$m=15,t=2,p=2" + sum:                              "m=15, must be 16 to",
		"$argon2id$v=19$m=256,t=17,p=1" + sum:                            "t=17, must be 1 to 16",
		"$argon2id$v=19$m=256,t=0,p=1" + sum:                             "t=0",
		"$argon2id$v=19$m=4096,t=1,p=9" + sum:                            "p=9, must be 1 to 8",
		"$argon2id$v=19$m=4096,t=1,p=257" + sum:                          "p=257",
		"$argon2id$v=19$m=4294967296,t=1,p=1" + sum:                      "is not",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZQ$nf65EOgLrQMR/uIPnA4rEg":     "a salt of 4",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQM":           "a sum of 8",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4r!": "is not",
		"$argon2id$v=19$m=0256,t=2,p=1" + sum:                            "is not",
		"$argon2id$v=19$m=256,t=2,p=1,x" + sum:                           "is not",
		"$argon2id$v=19$t=2,m=256,p=1" + sum:                             "is not",
		"$argon2id$v=16$m=256,t=2,p=1" + sum:                             "only argon2id, v=19",
		"$argon2i$v=19$m=256,t=2,p=1" + sum:                              "only argon2id",
		"$argon2id$":                                                     "is not",
	} {
		if h, err := parseArgon2(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "nf65") {
			t.Errorf("%s: %v, %v", text, h, err)
		}
	}
	for _, text := range []string{cheapHash, largeHash} {
		if h, err := parseArgon2(text); err != nil || h.String() != text {
			t.Errorf("%s: %v, %v", text, h, err)
		}
	}
}

// TestHasher: at most two at once; what was right is known for ten minutes, what was wrong never, and memory is bounded.
func TestHasher(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := newHasher(func() time.Time { return now })
	a, err := parseArgon2(cheapHash)
	if err != nil {
		t.Fatal(err)
	}
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	var waiting sync.WaitGroup
	got := make(chan bool, 2)
	for _, secret := range []string{"password", "wrong"} {
		waiting.Go(func() { got <- right(h, a, secret) })
	}
	select {
	case <-got:
		t.Error("a third hash was computed beside two others")
	case <-time.After(50 * time.Millisecond):
	}
	<-h.slots
	waiting.Wait()
	if first, second := <-got, <-got; first == second {
		t.Error("right and wrong are the same")
	}
	h.slots <- struct{}{} // no room: only what is known is answered
	if !right(h, a, "password") {
		t.Error("the secret that was right is not known any more")
	}
	if h.knows(h.id(a, "wrong")) {
		t.Error("the wrong secret is known")
	}
	now = now.Add(knownFor)
	if h.knows(h.id(a, "password")) {
		t.Error("the secret is known for too long")
	}
	for i := range 3 * knownSecrets {
		h.remember(h.id(a, fmt.Sprint(i)))
	}
	if len(h.known) != knownSecrets || !h.knows(h.id(a, fmt.Sprint(3*knownSecrets-1))) {
		t.Errorf("%d are remembered", len(h.known))
	}
}

func right(h *hasher, a *argon2Hash, secret string) bool {
	is, err := h.right(context.Background(), a, secret)
	return is && err == nil
}

// TestHasherGivesUp: to wait for a turn ends with the session, and nothing is computed for one that has ended.
func TestHasherGivesUp(t *testing.T) {
	t.Parallel()
	h := newHasher(time.Now)
	a, err := parseArgon2(cheapHash)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := h.right(ctx, a, "password")
		waiting <- err
	}()
	select {
	case err := <-waiting:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	for range cap(h.slots) {
		<-h.slots
	}
	for range 50 { // there is room now, so either may be chosen
		if is, err := h.right(ctx, a, "password"); is || !errors.Is(err, context.Canceled) {
			t.Fatalf("%v, %v", is, err)
		}
	}
	if h.knows(h.id(a, "password")) || len(h.slots) > 0 {
		t.Error("it was computed, or kept its place")
	}
	if !right(h, a, "password") {
		t.Error("nobody can log in any more")
	}
	if is, err := h.right(ctx, a, "password"); !is || err != nil {
		t.Errorf("what is known need not wait: %v, %v", is, err)
	}
}

// TestStranger: who does not exist is refused at the cost of somebody who does, always the same for one name.
func TestStranger(t *testing.T) {
	t.Parallel()
	m := loadManager(t, "[a]\nsecret=x\n[b]\nsecret="+cheapHash+"\n")
	kinds := map[bool]int{}
	for i := range 100 {
		name := fmt.Sprint("nobody", i)
		u := m.Stranger(name)
		kinds[u.HashedOnly()]++
		if u.HashedOnly() != m.Stranger(strings.ToUpper(name)).HashedOnly() {
			t.Errorf("%s costs more at one time than at another", name)
		}
		if i < 5 && (secretIs(u, "password") || secretIs(u, "x") || secretIs(u, "")) {
			t.Errorf("%s gets in", name)
		}
	}
	if kinds[true] == 0 || kinds[false] == 0 {
		t.Errorf("strangers are all of one kind: %v", kinds)
	}
	if secretIs((&Manager{}).Stranger("x"), "") {
		t.Error("a stranger among nobody gets in")
	}
}

// Only where digest is served is a hash doubtful.
func TestHashedAndWeb(t *testing.T) {
	t.Parallel()
	for general, want := range map[string]int{"": 0, "webenabled=yes\n": 1} {
		m := loadManager(t, "[general]\n"+general+"[u]\nsecret="+cheapHash+"\n")
		if len(m.Warnings) != want {
			t.Errorf("%q: %v", general, m.Warnings)
		}
	}
}

func FuzzParseArgon2(f *testing.F) {
	f.Add(cheapHash)
	f.Add(largeHash)
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := parseArgon2(text); err == nil && (h.String() != text || h.memory > maxMemory || h.threads == 0 || h.time == 0) {
			t.Fatalf("%q is read as %+v", text, h)
		}
	})
}
