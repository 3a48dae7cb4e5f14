//! Reads the file with certificates of the operator's own authority. Layer: bytes alone; rustls decides about trust.
//!
//! | form | how it is recognised |
//! | --- | --- |
//! | PEM, one certificate or several, also indented as in YAML | `-----BEGIN CERTIFICATE-----` |
//! | PEM as OpenSSL writes it | `TRUSTED CERTIFICATE`, `X509 CERTIFICATE`; what OpenSSL appends to the certificate is left out |
//! | either as Windows saves text | UTF-16, or a byte order mark |
//! | DER, one certificate | its first byte, that of a sequence |

use crate::EgressError;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Labels that other programs write for a certificate (RFC 7468, section 5.1, and openssl-x509(1)).
const LABELS: [&str; 2] = ["TRUSTED CERTIFICATE", "X509 CERTIFICATE"];

/// A sequence of ASN.1.
const SEQUENCE: u8 = 0x30;

/// The certificates in a file; those that rustls cannot use are left out, as among the system's, if any is left.
pub(crate) fn read(file: &[u8]) -> Result<Vec<CertificateDer<'static>>, EgressError> {
    let unusable = |why: &str| EgressError::Certificates(why.to_owned());
    let found = if file.first() == Some(&SEQUENCE) { vec![certificate(file)] } else { in_pem(&text(file))? };
    if found.is_empty() {
        return Err(unusable(what_else(&text(file))));
    }
    let usable = |certificate: &CertificateDer<'static>| RootCertStore::empty().add(certificate.clone()).is_ok();
    let usable: Vec<_> = found.into_iter().filter(usable).collect();
    if usable.is_empty() { Err(unusable("what is in it is no certificate that can be read")) } else { Ok(usable) }
}

fn in_pem(text: &str) -> Result<Vec<CertificateDer<'static>>, EgressError> {
    let pem: String = text.lines().map(|line| plain_label(line.trim()) + "\n").collect();
    let mut found = Vec::new();
    for read in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let number = found.len() + 1;
        let damaged = |_| EgressError::Certificates(format!("certificate {number} in it is damaged"));
        found.push(certificate(&read.map_err(damaged)?));
    }
    Ok(found)
}

/// Windows saves text as UTF-16 or with a mark before it.
fn text(file: &[u8]) -> String {
    let units = |of: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = file[2..].chunks_exact(2).map(|pair| of([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match file {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => String::from_utf8_lossy(file).trim_start_matches('\u{feff}').to_owned(),
    }
}

fn plain_label(line: &str) -> String {
    if !line.starts_with("-----") {
        return line.to_owned();
    }
    LABELS.iter().fold(line.to_owned(), |line, label| line.replace(label, "CERTIFICATE"))
}

/// The certificate alone: OpenSSL writes behind it what it is trusted for.
fn certificate(der: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from(der[..sequence_length(der).unwrap_or(der.len()).min(der.len())].to_vec())
}

/// The length of the first sequence with its head (X.690, section 8.1.3).
fn sequence_length(der: &[u8]) -> Option<usize> {
    let (&SEQUENCE, rest) = der.split_first()? else { return None };
    let (&first, rest) = rest.split_first()?;
    if first < 0x80 {
        return Some(2 + usize::from(first));
    }
    let count = usize::from(first & 0x7f);
    let length = rest.get(..count.min(4))?.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
    (1..=4).contains(&count).then(|| length.saturating_add(2 + count))
}

/// The error for a file that people mistake for certificates.
fn what_else(text: &str) -> &'static str {
    if text.contains("PRIVATE KEY-----") {
        return "there is a private key in it, and no certificate";
    }
    if text.contains("-----BEGIN PKCS7") || text.contains("-----BEGIN CMS") {
        return "it is PKCS #7, which `openssl pkcs7 -print_certs -in FILE -out ca.pem` turns into certificates";
    }
    if text.contains("CERTIFICATE REQUEST") {
        return "there is a request for a certificate in it, and none that was given";
    }
    "there is no certificate in it"
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    fn authority() -> (String, Vec<u8>, KeyPair) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), certificate.der().to_vec(), key)
    }

    fn utf_16(text: &str, mark: [u8; 2], of: fn(u16) -> [u8; 2]) -> Vec<u8> {
        mark.into_iter().chain(text.encode_utf16().flat_map(of)).collect()
    }

    #[test]
    fn a_certificate_is_read_in_every_form_that_people_have_it_in() {
        let (pem, der, key) = authority();
        let trusted = BASE64_STANDARD.encode([&der[..], &[0x30, 0x0a, 0x30, 0x08, 6, 6, 0x2b, 6, 1, 5, 5, 7]].concat());
        let indented: String = pem.lines().map(|line| format!("    {line}  \n")).collect();
        for (form, file) in [
            ("as it is", pem.clone().into_bytes()),
            ("with a byte order mark", format!("\u{feff}{pem}").into_bytes()),
            ("with the ends of lines that Windows has", pem.replace('\n', "\r\n").into_bytes()),
            ("as UTF-16", utf_16(&pem, [0xff, 0xfe], u16::to_le_bytes)),
            ("as UTF-16 the other way round", utf_16(&pem, [0xfe, 0xff], u16::to_be_bytes)),
            ("indented", indented.into_bytes()),
            ("as DER", der.clone()),
            ("as DER with a line break", [&der[..], b"\n"].concat()),
            ("with another label", pem.replace("CERTIFICATE", "X509 CERTIFICATE").into_bytes()),
            (
                "as OpenSSL trusts it",
                format!("-----BEGIN TRUSTED CERTIFICATE-----\n{trusted}\n-----END TRUSTED CERTIFICATE-----\n")
                    .into_bytes(),
            ),
            ("among words", format!("Subject: é\n{pem}# the end").into_bytes()),
            ("after a key", format!("{}{pem}", key.serialize_pem()).into_bytes()),
            (
                "beside one that is none",
                format!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{pem}").into_bytes(),
            ),
        ] {
            assert_eq!(read(&file).unwrap(), [CertificateDer::from(der.clone())], "{form}");
        }
        let (other, _, _) = authority();
        assert_eq!(read(format!("{pem}{other}").as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn a_file_without_one_is_refused_with_what_it_has_instead() {
        let (pem, der, key) = authority();
        let told = |file: &[u8]| read(file).unwrap_err().to_string();
        for (file, why) in [
            (&b""[..], "there is no certificate in it"),
            (b"\xff\xfe", "there is no certificate in it"),
            (b"\xff", "there is no certificate in it"),
            (b"hello", "there is no certificate in it"),
            (b"0", "no certificate that can be read"),
            (b"0\x84\xff\xff\xff\xff", "no certificate that can be read"),
            (b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n", "openssl pkcs7 -print_certs"),
            (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "a request"),
            (b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "certificate 1 in it is damaged"),
            (&pem.as_bytes()[..pem.len() / 2], "certificate 1 in it is damaged"),
            (&der[..der.len() / 2], "no certificate that can be read"),
            (key.serialize_pem().as_bytes(), "a private key"),
        ] {
            let told = told(file);
            assert!(told.contains(why) && told.contains("FORGEPORT_CA_FILE"), "{told}");
        }
    }
}
