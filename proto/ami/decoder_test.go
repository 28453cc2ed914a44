package ami_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/amibus/amibus/proto/ami"
)

// x returns a line of n bytes.
func x(n int) string { return "X: " + strings.Repeat("x", n-3) }

// TestDecodeServer: what a client sends, line by line.
//
//ami:same 1.8 2.1 2.2 2.3 2.4 2.5 2.7 2.11
//ami:differs 2.6 the CR is dropped with the line: kept, it would end the action in the middle, and the rest would be another action
func TestDecodeServer(t *testing.T) {
	t.Parallel()
	const long = "!Failed to parse message: line too long"
	const many = "!Too many lines in message or allocation failure"
	lines := func(n int) []string { return slices.Repeat([]string{"A: b"}, n) }
	for _, c := range []struct {
		item string // of ami/behaviour.md
		in   string
		want []string // lines joined by |, error behind !
	}{
		{"2.1 CR LF or LF", "Action: Ping\r\nA: b\n\r\nC: d\n\n", []string{"Action: Ping|A: b", "C: d"}},
		{"2.1 a lone CR is data", "A: b\rc\r\r\n\r\n", []string{"A: b\rc\r"}},
		{"2.1 a CR alone is no empty line", "A: b\r\n\r\r\n\r\n", []string{"A: b|\r"}},
		{"2.2 blanks stay, nothing is folded", " A : b \r\n\tc\r\n\r\n", []string{" A : b |\tc"}},
		{"2.3 an empty line ends the action", "\r\n\nA: b\r\n\r\n", []string{"", "", "A: b"}},
		{"2.3 a NUL cuts the line", "A: b\x00c\r\nD\r\n\r\n", []string{"A: b|D"}},
		{"2.3 a NUL first is an empty line", "A: b\r\n\x00c\r\nD\r\n\r\n", []string{"A: b", "D"}},
		{"2.4 1,022 bytes fit", x(1022) + "\r\n\r\n", []string{x(1022)}},
		{"2.4 1,022 bytes fit with LF", x(1022) + "\n\n", []string{x(1022)}},
		{"2.4 of 1,024 the remainder is kept", x(1020) + "abcd\r\n\r\nA: b\r\n\r\n", []string{"d" + long, "A: b"}},
		{"2.4 the remainder of several buffers", x(1023) + strings.Repeat("y", 1023) + "zAction: Ping\r\nB: c\r\n\r\n",
			[]string{"zAction: Ping|B: c" + long}},
		{"2.5 ActionID of a bad action", "ActionID: 1\r\n" + x(5000) + "\r\n\r\n",
			[]string{"ActionID: 1|" + x(5000)[5000/1023*1023:] + long}},
		{"2.5 the next one is good again", x(1500) + "\n\nA: b\n\n", []string{x(1500)[1023:] + long, "A: b"}},
		{"2.6 1,023 bytes do not end the action", x(1023) + "\r\nAction: Originate\r\n\r\n", []string{" |Action: Originate" + long}},
		{"2.6 nor does a multiple", "A: b\r\n" + x(2046) + "\r\nC: d\r\n\r\n", []string{"A: b| |C: d" + long}},
		{"2.6 nor with a LF now and CR LF later", x(1023) + "\nAction: Originate\n\n", []string{x(1023) + "|Action: Originate" + long}},
		{"2.6 nor with a NUL behind", x(1023) + "\x00abc\r\nC: d\r\n\r\n", []string{" |C: d" + long}},
		{"2.7 128 lines fit", strings.Repeat("A: b\r\n", 128) + "\r\n", []string{strings.Join(lines(128), "|")}},
		{"2.7 line 129 is dropped", strings.Repeat("A: b\r\n", 130) + "\r\nC: d\r\n\r\n",
			[]string{strings.Join(lines(128), "|") + many, "C: d"}},
		{"2.7 is tested before 2.5", x(1500) + "\r\n" + strings.Repeat("A: b\r\n", 128) + x(1500) + "\r\n\r\n",
			[]string{x(1500)[1023:] + "|" + strings.Join(lines(127), "|") + many}},
		{"2.11 lines without a colon", "garbage\r\nAction: Ping\r\n\r\n", []string{"garbage|Action: Ping"}},
		{"1.8 an unfinished action is dropped", "A: b\r\n\r\nC: d\r\nE", []string{"A: b"}},
	} {
		t.Run(c.item, func(t *testing.T) {
			t.Parallel()
			got := sameInPieces(t, []byte(c.in), ami.Server, 1, 2, 7, 1022, 1023, 1024, 1025)
			if !slices.Equal(texts(got), c.want) {
				t.Errorf("got %q, want %q", texts(got), c.want)
			}
		})
	}
}

// TestDecodeClient: what an Asterisk sends, line by line.
//
//ami:same 4.9 15.1 15.2
func TestDecodeClient(t *testing.T) {
	t.Parallel()
	const follows = "Response: Follows\r\nPrivilege: Command\r\n"
	for _, c := range []struct {
		item string // of ami/behaviour.md
		in   string
		want []string
	}{
		{"4.9 a lone LF is data", "Response: Error\r\nMessage: Park successful\n\r\n\r\nEvent: E\r\n\r\n",
			[]string{"Response: Error|Message: Park successful\n", "Event: E"}},
		{"4.9 also as a line of its own", "A: b\r\n\n\r\n\n\n\r\n\r\n", []string{"A: b|\n|\n\n"}},
		{"4.9 also at the start", "\nA: b\r\n\r\n", []string{"\nA: b"}},
		{"4.10 two blank lines", "A: b\r\n\r\n\r\nC: d\r\n\r\n", []string{"A: b", "", "C: d"}},
		{"4.10 raw text", "IAX2/bravo-9299 1000\nIAX2/bravo-9300 0\n\r\nEvent: E\r\n\r\n",
			[]string{"IAX2/bravo-9299 1000\nIAX2/bravo-9300 0", "Event: E"}},
		{"a lone CR is data", "A: b\rc\r\r\n\r\r\n\r\n", []string{"A: b\rc\r|\r"}},
		{"a NUL is data", "A: \x00b\r\n\r\n", []string{"A: \x00b"}},
		{"15.1 empty Output", "Response: Success\r\nOutput: \r\nOutput: a\r\n\r\n", []string{"Response: Success|Output: |Output: a"}},
		{"15.2 raw text", follows + "ActionID: 1\r\none\n\n  two\r\n\r\n\r\nthree\n--END COMMAND--\r\n\r\nEvent: E\r\n\r\n",
			[]string{"Response: Follows|Privilege: Command|ActionID: 1|one||  two|||three|--END COMMAND--", "Event: E"}},
		{"15.2 text without an end", follows + "one--END COMMAND--\r\n\r\n",
			[]string{"Response: Follows|Privilege: Command|one--END COMMAND--"}},
		{"15.2 end marks in the text", follows + "--END COMMAND--\n\n--END COMMAND--\r\nx\n--END COMMAND-- \r\n\r\n--END COMMAND--\r\n\r\n",
			[]string{"Response: Follows|Privilege: Command|--END COMMAND--||--END COMMAND--|x|--END COMMAND-- ||--END COMMAND--"}},
		{"15.2 an end mark with a lone LF", follows + "--END COMMAND--\n\r\n--END COMMAND--\r\n\nx\n--END COMMAND--\r\n\r\n",
			[]string{"Response: Follows|Privilege: Command|--END COMMAND--||--END COMMAND--||x|--END COMMAND--"}},
		{"a value is no old-form output", "Event: X\r\nResponse: Follows\r\n\r\n", []string{"Event: X|Response: Follows"}},
		{"a message cut off is dropped", "A: b\r\n\r\nC: d\r\n\r", []string{"A: b"}},
	} {
		t.Run(c.item, func(t *testing.T) {
			t.Parallel()
			got := sameInPieces(t, []byte(c.in), ami.Client, 1, 2, 3, 5, 64)
			if !slices.Equal(texts(got), c.want) {
				t.Errorf("got %q, want %q", texts(got), c.want)
			}
			var raw []byte
			for _, d := range got {
				raw = append(raw, d.Bytes()...)
			}
			if !strings.HasPrefix(c.in, string(raw)) {
				t.Errorf("bytes changed: %q", raw)
			}
		})
	}
}

// TestMaxMessage: the limit is exact, whatever the reads, and final.
func TestMaxMessage(t *testing.T) {
	t.Parallel()
	fits := "A: " + strings.Repeat("x", ami.MaxMessage-7) + "\r\n\r\n"
	for _, c := range []struct {
		name string
		in   string
		want int // messages before the error
		err  error
	}{
		{"fits", fits + fits, 2, io.EOF},
		{"one byte more", "B: c\r\n\r\nx" + fits, 1, ami.ErrMessageTooLong},
		{"no line end", strings.Repeat("\x00garbage\xff", 4*ami.MaxMessage/9), 0, ami.ErrMessageTooLong},
		{"lone LFs", strings.Repeat("garbage\n", ami.MaxMessage/4), 0, ami.ErrMessageTooLong},
		{"lines without end", strings.Repeat("garbage\r\n", ami.MaxMessage/4), 0, ami.ErrMessageTooLong},
		{"output without end", "Response: Follows\r\n" + strings.Repeat("\r\n", ami.MaxMessage), 0, ami.ErrMessageTooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{1000, 65521, 1 << 24} {
				d := ami.NewDecoder(pieces{strings.NewReader(c.in), n}, ami.Client)
				got, err := decodeAll(d)
				if len(got) != c.want || !errors.Is(err, c.err) {
					t.Fatalf("by %d bytes: %d messages, %v; want %d, %v", n, len(got), err, c.want, c.err)
				}
				if _, again := d.Decode(); !errors.Is(again, c.err) {
					t.Errorf("the error is not final: %v", again)
				}
			}
		})
	}
}

// TestOneByteReader: the time for a large message is linear in its size, in both modes.
func TestOneByteReader(t *testing.T) {
	t.Parallel()
	in := "A: " + strings.Repeat("x", ami.MaxMessage-7) + "\r\n\r\n"
	got, err := decodeAll(ami.NewDecoder(iotest.OneByteReader(strings.NewReader(in)), ami.Client))
	if err != io.EOF || len(got) != 1 || len(got[0].Line(0)) != len(in)-4 {
		t.Errorf("client mode: %d messages, %v", len(got), err)
	}
	got, err = decodeAll(ami.NewDecoder(iotest.OneByteReader(strings.NewReader(in)), ami.Server))
	if err != io.EOF || len(got) != 1 || !errors.Is(got[0].err, ami.ErrLineTooLong) {
		t.Errorf("server mode: %d messages, %v", len(got), err)
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	failed := errors.New("connection reset")
	for _, mode := range []ami.Mode{ami.Server, ami.Client} {
		in := func() io.Reader { return strings.NewReader("A: b\r\n\r\nC: d\r\n") }
		got, err := decodeAll(ami.NewDecoder(io.MultiReader(in(), iotest.ErrReader(failed)), mode))
		if len(got) != 1 || !errors.Is(err, failed) {
			t.Errorf("mode %d: %d messages, %v", mode, len(got), err)
		}
		got, err = decodeAll(ami.NewDecoder(iotest.DataErrReader(in()), mode))
		if len(got) != 1 || err != io.EOF {
			t.Errorf("mode %d, data with EOF: %d messages, %v", mode, len(got), err)
		}
		if _, err = ami.NewDecoder(nothing{}, mode).Decode(); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("mode %d, reader that returns nothing: %v", mode, err)
		}
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

func TestLine(t *testing.T) {
	t.Parallel()
	const banner = "Asterisk Call Manager/11.0.0"
	for _, c := range []struct {
		name, in string
		want     string
		err      error
	}{
		{"CR LF", banner + "\r\nResponse: Success\r\n\r\n", banner, nil},
		{"LF", banner + "\nResponse: Success\r\n\r\n", banner, nil},
		{"closed at once", "", "", io.EOF},
		{"cut off", "Asterisk", "", io.EOF},
		{"1,022 bytes", x(1022) + "\r\nResponse: Success\r\n\r\n", x(1022), nil},
		{"1,023 bytes", x(1023) + "\r\nResponse: Success\r\n\r\n", "", ami.ErrLineTooLong},
		{"garbage", strings.Repeat("\xff", 5000), "", ami.ErrLineTooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				d := ami.NewDecoder(r, ami.Client)
				got, err := d.Line()
				if string(got) != c.want || !errors.Is(err, c.err) {
					t.Fatalf("got %q, %v, want %q, %v", got, err, c.want, c.err)
				}
				if err != nil {
					continue
				}
				m, err := d.Decode()
				if err != nil || string(m.Get("Response")) != "Success" {
					t.Errorf("behind the banner: %v", err)
				}
			}
		})
	}
}

// TestBuffered: whoever asks learns whether more actions have come already.
func TestBuffered(t *testing.T) {
	t.Parallel()
	d := ami.NewDecoder(strings.NewReader("A: b\r\n\r\nC"), ami.Server)
	if _, err := d.Decode(); err != nil || d.Buffered() != 1 {
		t.Errorf("%d bytes, %v", d.Buffered(), err)
	}
}
