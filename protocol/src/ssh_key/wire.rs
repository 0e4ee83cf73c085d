//! The binary format of a public key (RFC 4253, 5656, 8709; OpenSSH's PROTOCOL.u2f).

use crate::violation::Invalid;

/// The names of the accepted key types, as a key contains them.
pub(super) const ALGORITHMS: [&str; 7] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];

/// The size of an Ed25519 key in bytes.
pub(super) const ED25519_BYTES: usize = 32;
/// The accepted curves with the size of an uncompressed point in bytes.
pub(super) const CURVES: [(&str, usize); 3] = [("nistp256", 65), ("nistp384", 97), ("nistp521", 133)];
/// The first byte of an uncompressed point.
pub(super) const UNCOMPRESSED: u8 = 4;

/// The accepted size of an RSA modulus in bits. A smaller modulus can be factored; a larger one only costs time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The maximum size of an RSA exponent in bytes.
const RSA_EXPONENT_BYTES: usize = 8;

/// Refuses a blob that is not exactly one complete key of the type `algorithm`.
pub(super) fn check(algorithm: &str, blob: &[u8]) -> Result<(), Invalid> {
    let mut wire = Wire(blob);
    if wire.string() != Some(algorithm.as_bytes()) {
        return Err(Invalid::new("must contain a key of the type that it begins with"));
    }
    let whole = match algorithm {
        "ssh-ed25519" => wire.ed25519(),
        "sk-ssh-ed25519@openssh.com" => wire.ed25519().and_then(|()| wire.application()),
        "sk-ecdsa-sha2-nistp256@openssh.com" => wire.point("nistp256").and_then(|()| wire.application()),
        "ssh-rsa" => return wire.rsa(),
        _ => algorithm.strip_prefix("ecdsa-sha2-").and_then(|curve| wire.point(curve)),
    };
    match whole {
        Some(()) if wire.0.is_empty() => Ok(()),
        _ => Err(malformed()),
    }
}

fn malformed() -> Invalid {
    Invalid::new("must be a complete public key, as in the .pub file")
}

/// The unread rest of a key: strings, each with its length before it.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn string(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (string, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    fn ed25519(&mut self) -> Option<()> {
        self.string().filter(|key| key.len() == ED25519_BYTES).map(|_| ())
    }

    fn point(&mut self, curve: &str) -> Option<()> {
        let (_, bytes) = CURVES.iter().find(|(name, _)| *name == curve)?;
        self.string().filter(|name| *name == curve.as_bytes())?;
        self.string().filter(|point| point.len() == *bytes && point.first() == Some(&UNCOMPRESSED)).map(|_| ())
    }

    /// The application that a security key signs for, such as `ssh:`.
    fn application(&mut self) -> Option<()> {
        self.string().map(|_| ())
    }

    fn rsa(&mut self) -> Result<(), Invalid> {
        let exponent = self.positive().filter(|e| e.len() <= RSA_EXPONENT_BYTES).ok_or_else(malformed)?;
        let modulus = self.positive().filter(|_| self.0.is_empty()).ok_or_else(malformed)?;
        if !is_exponent(exponent) {
            return Err(malformed());
        }
        if !RSA_BITS.contains(&bits(modulus)) {
            return Err(Invalid::new("must be an RSA key of 2048 to 8192 bits, or preferably an Ed25519 key"));
        }
        Ok(())
    }

    /// Reads a positive number and removes the zero byte that marks it as positive. `None` if the number is not in its
    /// shortest form.
    fn positive(&mut self) -> Option<&'a [u8]> {
        match self.string()? {
            [0, rest @ ..] => rest.first().is_some_and(|first| *first >= 0x80).then_some(rest),
            number => number.first().is_some_and(|first| *first < 0x80).then_some(number),
        }
    }
}

/// Whether the number is a valid exponent: odd and greater than 1. The exponent 1 would not encrypt anything.
fn is_exponent(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last % 2 == 1) && number != [1]
}

fn bits(number: &[u8]) -> usize {
    let spare = number.first().map_or(0, |first| first.leading_zeros());
    number.len() * 8 - usize::try_from(spare).unwrap_or_default()
}
