package filter

// Regexp compiles a regular expression as the C library reads it, for whatever else Asterisk compares with one. The error is
// ErrCompile.
func Regexp(pattern string) (match func(text string) bool, err error) {
	t, err := newTest(methodRegex, pattern)
	if err != nil {
		return nil, err
	}
	return func(text string) bool { return t.match(legible([]byte(text))) }, nil
}
