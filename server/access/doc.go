// Package access says whom the credentials of a request stand for: an access token, a permanent token, or a login with
// its password. It opens tokens and asks whether anything they rely on has been taken back.
package access
