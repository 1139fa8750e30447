package directory

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

func TestEachOfTheCommonPasswordsIsKnownInAnyCase(t *testing.T) {
	unpacked, err := gzip.NewReader(bytes.NewReader(commonPasswords))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	passwords := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(passwords) != 10_000 {
		t.Fatalf("there are %d, want 10000", len(passwords))
	}
	for _, password := range []string{passwords[0], passwords[4_999], passwords[9_999], strings.ToUpper(passwords[1])} {
		if !isCommon(password) {
			t.Errorf("%q is not known", password)
		}
	}
	for _, password := range []string{"", passwords[0] + "\n" + passwords[1], passwords[0][:len(passwords[0])-1], "correct horse battery"} {
		if isCommon(password) {
			t.Errorf("%q is taken for common", password)
		}
	}
}

func BenchmarkIsCommon(b *testing.B) {
	for b.Loop() {
		isCommon("correct horse battery")
	}
}
