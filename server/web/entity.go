package web

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// ToMap turns a wire struct into the map that its JSON tags describe, ready for Project. What is not text, a number, a truth
// value, a struct or a list of these goes through its JSON, with numbers as json.Number, so that they stay exact. A value
// whose JSON is not an object is an error.
func ToMap(v any) (map[string]any, error) {
	value := reflect.ValueOf(v)
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	if value.Kind() != reflect.Struct {
		return nil, fmt.Errorf("reading %T as an object: it is not one", v)
	}
	return objectOf(value)
}

func objectOf(value reflect.Value) (map[string]any, error) {
	fields := wireFieldsOf(value.Type())
	object := make(map[string]any, len(fields))
	for _, field := range fields {
		part, err := value.FieldByIndexErr(field.index)
		if isOfNilPointer := err != nil; isOfNilPointer || field.omits(part) {
			continue
		}
		plain, err := field.plain(part)
		if err != nil {
			return nil, fmt.Errorf("encoding %s of %s: %w", field.name, value.Type(), err)
		}
		object[field.name] = plain
	}
	return object, nil
}

// wireField is a field of a wire struct, with the options of its JSON tag.
type wireField struct {
	name                string
	index               []int
	omitEmpty, omitZero bool
	// plain turns the value of the field into one that Project descends into and that encodes to the same JSON.
	plain func(reflect.Value) (any, error)
}

func (f wireField) omits(value reflect.Value) bool {
	if f.omitZero && value.IsZero() {
		return true
	}
	switch value.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array:
		return f.omitEmpty && value.Len() == 0
	case reflect.Struct:
		return false
	}
	return f.omitEmpty && value.IsZero()
}

// wireFields has what wireFieldsOf has found out about each type.
var wireFields sync.Map

func wireFieldsOf(t reflect.Type) []wireField {
	if known, ok := wireFields.Load(t); ok {
		return known.([]wireField)
	}
	var fields []wireField
	for _, field := range reflect.VisibleFields(t) {
		tag, tagged := field.Tag.Lookup("json")
		options := strings.Split(tag, ",")
		if !field.IsExported() || tag == "-" || field.Anonymous && !tagged {
			continue
		}
		name := options[0]
		if name == "" {
			name = field.Name
		}
		fields = append(fields, wireField{name, field.Index, slices.Contains(options, "omitempty"), slices.Contains(options, "omitzero"), plainOf(field.Type)})
	}
	wireFields.Store(t, fields)
	return fields
}

var encoders = []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()}

// encodesItself says whether a type or a pointer to it says what its JSON is.
func encodesItself(t reflect.Type) bool {
	return slices.ContainsFunc(encoders, func(encoder reflect.Type) bool {
		return t.Implements(encoder) || reflect.PointerTo(t).Implements(encoder)
	})
}

func plainOf(t reflect.Type) func(reflect.Value) (any, error) {
	switch {
	case isScalar(t) || t.Kind() == reflect.Slice && isScalar(t.Elem()) && !encodesItself(t):
		return func(value reflect.Value) (any, error) { return value.Interface(), nil }
	case t.Kind() == reflect.Struct && !encodesItself(t):
		return func(value reflect.Value) (any, error) { return objectOf(value) }
	case t.Kind() == reflect.Pointer && !encodesItself(t):
		plain := plainOf(t.Elem())
		return func(value reflect.Value) (any, error) {
			if value.IsNil() {
				return nil, nil
			}
			return plain(value.Elem())
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && !encodesItself(t) && !encodesItself(t.Elem()):
		return plainObjects
	}
	return decoded
}

func isScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64, reflect.String:
		return !encodesItself(t)
	}
	return false
}

func plainObjects(value reflect.Value) (any, error) {
	if value.IsNil() {
		return nil, nil
	}
	objects := make([]map[string]any, value.Len())
	for i := range objects {
		var err error
		if objects[i], err = objectOf(value.Index(i)); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// decoded is what the JSON of a value says.
func decoded(value reflect.Value) (plain any, err error) {
	text, err := json.Marshal(value.Interface())
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return plain, decoder.Decode(&plain)
}
