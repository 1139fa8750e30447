package seal

import (
	"errors"
	"strings"
	"testing"
)

func TestAVaultGivesBackWhatWasLockedUnderTheSameUseAndMaster(t *testing.T) {
	vault, other := NewVault([]byte(strings.Repeat("m", 32))), NewVault([]byte(strings.Repeat("n", 32)))
	locked, err := vault.Lock("secret of a", "hunter2")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(locked, "hunter2") {
		t.Error("the text is there in clear")
	}
	if text, err := vault.Unlock("secret of a", locked); err != nil || text != "hunter2" {
		t.Errorf("got %q, %v", text, err)
	}
	if again, err := vault.Lock("secret of a", "hunter2"); err != nil || again == locked {
		t.Errorf("equal texts are locked equally: %v", err)
	}
	if _, err := vault.Unlock("secret of b", locked); !errors.Is(err, ErrWrongMaster) {
		t.Errorf("another use opens it: %v", err)
	}
	if _, err := other.Unlock("secret of a", locked); !errors.Is(err, ErrWrongMaster) {
		t.Errorf("another master opens it: %v", err)
	}
	for _, damaged := range []string{"", "!", locked[:10], "AAAA" + locked[4:]} {
		if _, err := vault.Unlock("secret of a", damaged); err == nil {
			t.Errorf("%q opens", damaged)
		}
	}
	if _, err := NewVault(nil).Lock("secret of a", "x"); err == nil {
		t.Error("an empty master locks")
	}
}
