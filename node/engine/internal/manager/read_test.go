package manager

import "testing"

func TestCallerIDs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		`"Name" <123>`: {"Name", "123"}, `Name <123>`: {"Name", "123"}, `<123>`: {"", "123"}, `123`: {"", "123"}, `Name`: {"Name", ""}, ``: {"", ""},
		`"123"`: {"123", ""}, `(030) 12-34.5`: {"", "03012345"}, `"A \"B\" C" <1>`: {`A "B" C`, "1"}, `A <1`: {"A", "1"}, `"A <x> B" <1>`: {"A <x> B", "1"},
		` "A" <+49 [1-9]> `: {"A", "+49[1-9]"}, `Näme <42>`: {"Näme", "42"}, `sip:x`: {"sip:x", ""}, `*69`: {"", "*69"}, `12.`: {"12.", ""},
	} {
		if name, num := parseCallerID(text); name != want[0] || num != want[1] {
			t.Errorf("%q: %q %q, want %q", text, name, num, want)
		}
	}
}

func TestScannedNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"1": 1, " -5x": -5, "+7": 7, "08": 8, "99999999999": 1<<31 - 1} {
		if n, ok := scanInt(text); !ok || n != want {
			t.Errorf("%q: %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{"", "x1", "-", "+", " "} {
		if n, ok := scanInt(text); ok {
			t.Errorf("%q: %d", text, n)
		}
	}
}
