package seal

import (
	"strings"

	"github.com/google/uuid"
)

// ID is an identifier of ours: of a service, a user, a grant or a token.
// Most are UUIDs in their canonical lower-case text; Hub lets whoever creates a
// service choose a word instead, such as datalore or 0-0-0-0-0. The empty ID
// stands for none.
type ID string

// NewID returns a random UUID (version 4, RFC 9562 section 5.4) as canonical
// text.
func NewID() ID {
	return ID(uuid.NewString())
}

// MarshalCBOR encodes a canonical lower-case UUID as a byte string of 16 bytes
// and any other ID as a text string.
func (id ID) MarshalCBOR() ([]byte, error) {
	if u, ok := id.canonical(); ok {
		return append(append(make([]byte, 0, 1+len(u)), uuidHead), u[:]...), nil
	}
	return encoder.Marshal(string(id))
}

// UnmarshalCBOR decodes what MarshalCBOR encodes; anything else is an error.
func (id *ID) UnmarshalCBOR(data []byte) error {
	if len(data) == 1+len(uuid.UUID{}) && data[0] == uuidHead {
		*id = ID(uuid.UUID(data[1:]).String())
		return nil
	}
	return decoder.Unmarshal(data, (*string)(id))
}

// canonical returns the UUID that id spells, and whether it spells it in
// exactly the way UnmarshalCBOR will write it again.
func (id ID) canonical() (uuid.UUID, bool) {
	// uuid.Parse also takes capitals and, of other lengths, urn:uuid:, braces and
	// text without dashes.
	if len(id) != 36 || strings.ContainsAny(string(id), "ABCDEF") {
		return uuid.UUID{}, false
	}
	u, err := uuid.Parse(string(id))
	return u, err == nil
}
