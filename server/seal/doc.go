// Package seal makes and reads the credentials Gatehouse hands out without
// keeping them: access tokens, refresh tokens and authorization codes.
//
// A token is its own record. What the server must know again about it is in
// its [Claims], which travel inside the token, encrypted:
//
//	gh_at_ base64url( key id | nonce | XChaCha20-Poly1305( CBOR claims ) )
//	|      |          |        |       |
//	|      |          |        |       integer keys, UUIDs as 16 bytes
//	|      |          |        24 random bytes
//	|      |          one byte, in the clear: which key of the ring
//	|      no padding, one spelling only
//	which kind of token; scanners for leaked secrets find it by this
//
// Kind, issuer and key id are authenticated together with the claims, so a
// token of one kind does not pass for another, nor that of one server at
// another that happens to share a key.
//
// A [Ring] holds the keys. It seals under the newest key that is active and
// opens under any key it has; a token of a key it has not met makes it ask for
// the keys once more. Opening says that a token is ours and unaltered, and
// nothing else: whether it has expired, or was revoked, is for the caller to
// ask.
//
// Keys rest in the database under the master secret; [WrapKey] and [UnwrapKey]
// put them there and take them out.
package seal
