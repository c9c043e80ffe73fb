using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Stoa.Network.Identity;
using Stoa.Network.Negotiation;
using Stoa.Primitives;

namespace Stoa.Network.Security;

/// <summary>Certificates that carry a peer's key: the libp2p TLS specification, on RFC 5280.</summary>
/// <remarks>A certificate is signed by its own, passing key; an extension holds the peer's key and its signature over the passing one.</remarks>
internal static class TlsCertificate
{
    private const string Extension = "1.3.6.1.4.1.53594.1.1";
    private const string KeyUsage = "2.5.29.15";
    private const string BasicConstraints = "2.5.29.19";
    private const int MaxLength = 16 * 1024;
    private const int Version3 = 2;
    private const int DigitalSignature = 0;

    private static readonly TimeSpan s_clockSkew = TimeSpan.FromHours(1);
    private static readonly Asn1Tag s_issuerUniqueId = new(TagClass.ContextSpecific, 1);
    private static readonly Asn1Tag s_subjectUniqueId = new(TagClass.ContextSpecific, 2);
    private static readonly Asn1Tag s_extensions = new(TagClass.ContextSpecific, 3, isConstructed: true);
    private static readonly Asn1Tag s_version = new(TagClass.ContextSpecific, 0, isConstructed: true);

    private static ReadOnlySpan<byte> SignaturePrefix => "libp2p-tls-handshake:"u8;

    /// <summary>Makes a certificate with a new key for a peer.</summary>
    public static X509Certificate2 Create(PrivateKey identity, TimeProvider time)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=libp2p", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509Extension(Extension, EncodeSignedKey(identity, key.ExportSubjectPublicKeyInfo()), critical: true));
        var now = time.GetUtcNow();
        // The peer's key says who it is; the dates say nothing, and clocks differ.
        return request.CreateSelfSigned(now - s_clockSkew, now.AddYears(100));
    }

    /// <summary>The value of the extension: SignedKey of the specification.</summary>
    public static byte[] EncodeSignedKey(PrivateKey identity, ReadOnlySpan<byte> spki)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteOctetString(identity.PublicKey.ToProtobuf());
            writer.WriteOctetString(identity.Sign([.. SignaturePrefix, .. spki]));
        }

        return writer.Encode();
    }

    /// <summary>Reads the peer's key from a certificate whose every proof holds.</summary>
    /// <exception cref="ConnectException">One does not.</exception>
    public static PeerKey Verify(ReadOnlyMemory<byte> certificate, TimeProvider time)
    {
        if (certificate.Length > MaxLength)
            throw Broken($"has more than {MaxLength} bytes");
        try
        {
            return VerifyWithin(certificate, time.GetUtcNow());
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            throw new ConnectException(ConnectFault.BrokenProtocol, "The other side's certificate is none that can be read.", e);
        }
    }

    private static PeerKey VerifyWithin(ReadOnlyMemory<byte> certificate, DateTimeOffset now)
    {
        var whole = new AsnReader(certificate, AsnEncodingRules.DER);
        var outer = whole.ReadSequence();
        whole.ThrowIfNotEmpty();
        var signed = outer.PeekEncodedValue();
        var body = outer.ReadSequence();
        var algorithm = outer.ReadEncodedValue();
        var signature = outer.ReadBitString(out var unusedBits);
        outer.ThrowIfNotEmpty();

        var version = body.ReadSequence(s_version);
        if (!version.TryReadInt32(out var number) || number != Version3 || version.HasData)
            throw Broken("is not of version 3");
        body.ReadIntegerBytes();
        if (!body.ReadEncodedValue().Span.SequenceEqual(algorithm.Span))
            throw Broken("names two algorithms");
        var issuer = body.ReadEncodedValue();
        var validity = body.ReadSequence();
        var (notBefore, notAfter) = (ReadTime(validity), ReadTime(validity));
        validity.ThrowIfNotEmpty();
        if (now < notBefore || now > notAfter)
            throw Broken($"is valid from {notBefore:u} to {notAfter:u}, not at {now:u}");
        if (!body.ReadEncodedValue().Span.SequenceEqual(issuer.Span))
            throw Broken("is not its own issuer");
        var spki = body.ReadEncodedValue();
        if (body.HasData && (body.PeekTag().HasSameClassAndValue(s_issuerUniqueId) || body.PeekTag().HasSameClassAndValue(s_subjectUniqueId)))
            throw Broken("has a unique id of its issuer or subject, which the specification forbids");
        if (unusedBits != 0 || !TlsCertificateSignature.Verify(spki, algorithm, signed.Span, signature))
            throw Broken("is not signed by its own key with an algorithm that is good enough");
        if (!body.HasData)
            throw Broken("has no extension with the peer's key");
        var explicitly = body.ReadSequence(s_extensions);
        body.ThrowIfNotEmpty();
        var signedKey = FindSignedKey(explicitly.ReadSequence());
        explicitly.ThrowIfNotEmpty();
        return VerifySignedKey(signedKey, spki.Span);
    }

    private static byte[] FindSignedKey(AsnReader extensions)
    {
        byte[]? found = null;
        while (extensions.HasData)
        {
            var extension = extensions.ReadSequence();
            var id = extension.ReadObjectIdentifier();
            var isCritical = extension.PeekTag().HasSameClassAndValue(Asn1Tag.Boolean) && extension.ReadBoolean();
            var value = extension.ReadOctetString();
            extension.ThrowIfNotEmpty();
            switch (id)
            {
                case Extension when found is not null:
                    throw Broken("has two extensions with the peer's key");
                case Extension:
                    found = value;
                    break;
                // Of these what matters to a key that signs handshakes: that it may sign. It issues nothing, so constraints on that bind nobody.
                case KeyUsage when !MaySign(value):
                    throw Broken("has a key that may not sign");
                case KeyUsage or BasicConstraints:
                    break;
                case var _ when isCritical:
                    throw Broken($"has a critical extension that is not known here, {id}");
            }
        }

        return found ?? throw Broken("has no extension with the peer's key");
    }

    private static PeerKey VerifySignedKey(byte[] value, ReadOnlySpan<byte> spki)
    {
        var reader = new AsnReader(value, AsnEncodingRules.DER);
        var sequence = reader.ReadSequence();
        reader.ThrowIfNotEmpty();
        var encoded = sequence.ReadOctetString();
        var signature = sequence.ReadOctetString();
        sequence.ThrowIfNotEmpty();
        var key = SecuredStream.ReadKey(encoded);
        return key.Verify((byte[])[.. SignaturePrefix, .. spki], signature)
            ? key
            : throw Broken($"is not vouched for by {key.PeerId}: the signature in its extension does not hold");
    }

    private static bool MaySign(byte[] value)
    {
        var bits = new AsnReader(value, AsnEncodingRules.DER).ReadBitString(out _);
        return bits.Length > 0 && (bits[0] & (0x80 >> DigitalSignature)) != 0;
    }

    private static DateTimeOffset ReadTime(AsnReader reader) =>
        reader.PeekTag().HasSameClassAndValue(Asn1Tag.UtcTime) ? reader.ReadUtcTime() : reader.ReadGeneralizedTime();

    private static ConnectException Broken(string what) => new(ConnectFault.BrokenProtocol, $"The other side's certificate {what}.");
}
