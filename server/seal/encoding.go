package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// maxScopeItems bounds the scope of a token, sealed or opened.
const maxScopeItems = 128

// Heads of CBOR items (RFC 8949 section 3.1).
const (
	uuidHead  = 0x50 // a byte string of 16
	arrayHead = 0x82 // an array of two
)

var (
	encoder = must(cbor.CoreDetEncOptions().EncMode())
	// An absent field is left out; null and undefined (RFC 8949 section 3.3) would
	// be a second way to say so.
	withoutNull = must(cbor.NewSimpleValueRegistryFromDefaults(
		cbor.WithRejectedSimpleValue(22), cbor.WithRejectedSimpleValue(23)))
	decoder = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   4,
		MaxArrayElements:  maxScopeItems,
		MaxMapPairs:       32,
		SimpleValues:      withoutNull,
		// Some text is a client's own words. What could be sealed must open, and
		// byte for byte, even if it is not UTF-8.
		UTF8: cbor.UTF8DecodeInvalid,
	}.DecMode())
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("seal: CBOR options contradict each other: %v", err))
	}
	return value
}

// encodeClaims returns the CBOR of c.
func encodeClaims(c *Claims) ([]byte, error) {
	if len(c.Scope) > maxScopeItems {
		return nil, fmt.Errorf("%w: %d scope items, at most %d", ErrTooLong, len(c.Scope), maxScopeItems)
	}
	sealed := *c
	// A lifetime is two bytes where a date is five.
	sealed.ExpiresAt -= c.IssuedAt
	return encoder.Marshal(&sealed)
}

// decodeClaims is the reverse of encodeClaims. Anything but one map of known
// fields, each there once and of its own type, is an error.
func decodeClaims(data []byte) (*Claims, error) {
	c := new(Claims)
	if err := decoder.Unmarshal(data, c); err != nil {
		return nil, err
	}
	c.ExpiresAt += c.IssuedAt
	return c, nil
}

// scopePair is a ScopeItem with a literal of its own, as CBOR.
type scopePair struct {
	_       struct{} `cbor:",toarray"`
	Service ID
	Literal string
}

// MarshalCBOR encodes an item as its service alone when there is no literal,
// else as the array [service, literal].
func (i ScopeItem) MarshalCBOR() ([]byte, error) {
	if i.Literal == "" {
		return i.Service.MarshalCBOR()
	}
	return encoder.Marshal(scopePair{Service: i.Service, Literal: i.Literal})
}

// UnmarshalCBOR decodes what MarshalCBOR encodes; anything else is an error.
func (i *ScopeItem) UnmarshalCBOR(data []byte) error {
	if len(data) == 0 || data[0] != arrayHead {
		i.Literal = ""
		return i.Service.UnmarshalCBOR(data)
	}
	var pair scopePair
	if err := decoder.Unmarshal(data, &pair); err != nil {
		return err
	}
	if pair.Literal == "" {
		return errors.New("a scope item has an empty literal")
	}
	*i = ScopeItem{Service: pair.Service, Literal: pair.Literal}
	return nil
}

// MarshalBinary encodes the marks as three varints. CBOR has no integer between
// four and eight bytes; a mark of today takes six this way.
func (m Marks) MarshalBinary() ([]byte, error) {
	data := make([]byte, 0, 3*binary.MaxVarintLen64)
	for _, mark := range [...]int64{m.User, m.Service, m.Consent} {
		data = binary.AppendUvarint(data, uint64(mark)) // #nosec G115 -- the bits come back as they were
	}
	return data, nil
}

// UnmarshalBinary decodes what MarshalBinary encodes; anything else is an error.
func (m *Marks) UnmarshalBinary(data []byte) error {
	rest := data
	for _, mark := range [...]*int64{&m.User, &m.Service, &m.Consent} {
		value, n := binary.Uvarint(rest)
		if n <= 0 {
			return errors.New("the marks are cut off or too great")
		}
		*mark, rest = int64(value), rest[n:] // #nosec G115 -- the bits as they were
	}
	if again, _ := m.MarshalBinary(); !bytes.Equal(again, data) {
		return errors.New("the marks are spelled in more bytes than they need")
	}
	return nil
}
