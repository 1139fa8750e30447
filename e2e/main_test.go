package e2e

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	stopChromium()
	removeProgram()
	removeOpenIDClients()
	removeNodeClients()
	os.Exit(code)
}
