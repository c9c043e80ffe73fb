using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Stoa.Network.Negotiation;
using Stoa.Network.Security;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Security;

public sealed class TlsCertificateTests : IDisposable
{
    private const string Extension = "1.3.6.1.4.1.53594.1.1";

    private static readonly DateTimeOffset s_now = TimeProvider.System.GetUtcNow();

    private readonly PrivateKey _identity = PrivateKey.Generate();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose()
    {
        _identity.Dispose();
        _key.Dispose();
    }

    [Fact]
    public void Certificate_ThatIsMadeHere_SaysWhoseItIs()
    {
        using var certificate = TlsCertificate.Create(_identity, TimeProvider.System);

        TlsCertificate.Verify(certificate.RawData, TimeProvider.System).PeerId.ShouldBe(_identity.PublicKey.PeerId);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Extension_IsTaken_CriticalOrNot(bool isCritical) => Verify(SelfSigned(Request(isCritical))).ShouldBe(_identity.PublicKey.PeerId);

    [Fact]
    public void OtherExtensions_AreTakenUnlessTheyAreCriticalAndUnknown()
    {
        var known = Request();
        known.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        known.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        known.CertificateExtensions.Add(new X509Extension("1.2.3.4", [5, 0], critical: false));
        Verify(SelfSigned(known)).ShouldBe(_identity.PublicKey.PeerId);

        var unknown = Request();
        unknown.CertificateExtensions.Add(new X509Extension("1.2.3.4", [5, 0], critical: true));
        ShouldBeRefused(SelfSigned(unknown), "1.2.3.4");

        var issuing = Request();
        issuing.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        ShouldBeRefused(SelfSigned(issuing), "may not sign");
    }

    [Fact]
    public void Certificate_OutOfItsTime_IsRefused()
    {
        ShouldBeRefused(SelfSigned(Request(), s_now.AddDays(-2), s_now.AddDays(-1)), "valid from");
        ShouldBeRefused(SelfSigned(Request(), s_now.AddDays(1), s_now.AddDays(2)), "valid from");
    }

    [Fact]
    public void Certificate_WithoutThePeersKey_IsRefused() =>
        ShouldBeRefused(SelfSigned(new CertificateRequest("CN=a", _key, HashAlgorithmName.SHA256)), "no extension");

    [Fact]
    public void PeersKey_ThatVouchesForAnotherCertificate_IsRefused()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        ShouldBeRefused(SelfSigned(With(TlsCertificate.EncodeSignedKey(_identity, other.ExportSubjectPublicKeyInfo()))), "vouched");
    }

    [Fact]
    public void PeersKey_OfAnotherThanSigned_IsRefused()
    {
        using var other = PrivateKey.Generate();
        var signedKey = TlsCertificate.EncodeSignedKey(_identity, _key.ExportSubjectPublicKeyInfo());
        var at = signedKey.AsSpan().IndexOf(_identity.PublicKey.ToProtobuf());
        other.PublicKey.ToProtobuf().CopyTo(signedKey.AsSpan(at));

        ShouldBeRefused(SelfSigned(With(signedKey)), "vouched");
    }

    [Fact]
    public void Certificate_OfAnIssuer_IsRefused()
    {
        using var issuerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var generator = X509SignatureGenerator.CreateForECDsa(issuerKey);
        ShouldBeRefused(Request().Create(new X500DistinguishedName("CN=issuer"), generator, s_now.AddDays(-1), s_now.AddDays(1), [1]), "issuer");
        // Its own issuer by name, and not by signature.
        ShouldBeRefused(Request().Create(new X500DistinguishedName("CN=a"), generator, s_now.AddDays(-1), s_now.AddDays(1), [1]), "not signed by its own key");
    }

    [Fact]
    public void Certificate_SignedWithSha1_IsRefused()
    {
        using var rsa = RSA.Create(2048);
        var weak = new CertificateRequest("CN=a", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        weak.CertificateExtensions.Add(new X509Extension(Extension, TlsCertificate.EncodeSignedKey(_identity, rsa.ExportSubjectPublicKeyInfo()), false));
        var made = weak.Create(new X500DistinguishedName("CN=a"), new Sha1Generator(rsa), s_now.AddDays(-1), s_now.AddDays(1), [1]);

        ShouldBeRefused(made, "good enough");
    }

    [Fact]
    public void Certificate_OfRsa_IsTaken()
    {
        using var rsa = RSA.Create(2048);
        var request = new CertificateRequest("CN=a", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509Extension(Extension, TlsCertificate.EncodeSignedKey(_identity, rsa.ExportSubjectPublicKeyInfo()), true));

        Verify(SelfSigned(request)).ShouldBe(_identity.PublicKey.PeerId);
    }

    [Fact]
    public void Certificate_WithAnyBitFlippedOrCutAnywhere_IsRefused()
    {
        var whole = SelfSigned(Request()).RawData;
        for (var index = 0; index < whole.Length; index++)
        {
            var changed = (byte[])whole.Clone();
            changed[index] ^= (byte)(1 << (index % 8));
            Refusal(changed).Fault.ShouldBe(ConnectFault.BrokenProtocol, $"byte {index}");
            Refusal(whole[..index]).Fault.ShouldBe(ConnectFault.BrokenProtocol, $"{index} bytes");
        }

        Refusal([.. whole, 0]).Fault.ShouldBe(ConnectFault.BrokenProtocol);
        Refusal(new byte[100_000]).Fault.ShouldBe(ConnectFault.BrokenProtocol);
    }

    private static X509Certificate2 SelfSigned(CertificateRequest request, DateTimeOffset? notBefore = null, DateTimeOffset? notAfter = null) =>
        request.CreateSelfSigned(notBefore ?? s_now.AddDays(-1), notAfter ?? s_now.AddDays(1));

    private static PeerId Verify(X509Certificate2 certificate) => TlsCertificate.Verify(certificate.RawData, TimeProvider.System).PeerId;

    private static ConnectException Refusal(byte[] certificate) => Should.Throw<ConnectException>(() => TlsCertificate.Verify(certificate, TimeProvider.System));

    private static void ShouldBeRefused(X509Certificate2 certificate, string why)
    {
        var refusal = Refusal(certificate.RawData);
        refusal.Fault.ShouldBe(ConnectFault.BrokenProtocol);
        refusal.Message.ShouldContain(why);
    }

    private CertificateRequest Request(bool isCritical = true) => With(TlsCertificate.EncodeSignedKey(_identity, _key.ExportSubjectPublicKeyInfo()), isCritical);

    private CertificateRequest With(byte[] signedKey, bool isCritical = true)
    {
        var request = new CertificateRequest("CN=a", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509Extension(Extension, signedKey, isCritical));
        return request;
    }

    // .NET makes none any more.
    private sealed class Sha1Generator(RSA key) : X509SignatureGenerator
    {
        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm) =>
            [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00];

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) => key.SignData(data, HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1);

        protected override System.Security.Cryptography.X509Certificates.PublicKey BuildPublicKey() => CreateForRSA(key, RSASignaturePadding.Pkcs1).PublicKey;
    }
}
