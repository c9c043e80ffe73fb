using System.Security.Cryptography;

namespace Stoa.Primitives.Tests;

public sealed class PrivateKeyTests
{
    [Fact]
    public void FromPkcs8_PublishedKey_HasThePublishedPublicKey()
    {
        using var key = PrivateKey.FromPkcs8(KeyVectors.Pkcs8Of(KeyVectors.SpecPrivateKey));
        Convert.ToHexStringLower(key.PublicKey.ToProtobuf()).ShouldBe(KeyVectors.SpecPublicKey);
    }

    [Fact]
    public void Sign_AnyMessage_IsVerifiedByThePublicKeyOnly()
    {
        using var key = PrivateKey.Generate();
        using var other = PrivateKey.Generate();
        var signature = key.Sign("message"u8);
        signature.Length.ShouldBeLessThanOrEqualTo(PublicKey.MaxSignatureLength);
        key.PublicKey.Verify("message"u8, signature).ShouldBeTrue();
        key.PublicKey.Verify("massage"u8, signature).ShouldBeFalse();
        other.PublicKey.Verify("message"u8, signature).ShouldBeFalse();
        key.PublicKey.Verify([], key.Sign([])).ShouldBeTrue();
    }

    [Fact]
    public void Key_AsPkcs8AndAsPem_ComesBack()
    {
        using var key = PrivateKey.Generate();
        using var fromPkcs8 = PrivateKey.FromPkcs8(key.ToPkcs8());
        using var fromPem = PrivateKey.FromPem("A note in front.\n" + key.ToPem());
        fromPkcs8.PublicKey.ShouldBe(key.PublicKey);
        fromPem.PublicKey.ShouldBe(key.PublicKey);
        fromPem.ToPkcs8().ShouldBe(key.ToPkcs8());
        key.PublicKey.Verify("message"u8, fromPem.Sign("message"u8)).ShouldBeTrue();
        key.ToPem().ShouldStartWith("-----BEGIN PRIVATE KEY-----\n");
    }

    public static TheoryData<string, byte[]> NotKeys
    {
        get
        {
            var pkcs8 = KeyVectors.Pkcs8Of(KeyVectors.SpecPrivateKey);
            var publicKeyChanged = (byte[])[.. pkcs8[..^1], (byte)(pkcs8[^1] ^ 1)];
            return new()
            {
                { "nothing", [] },
                { "garbage", [1, 2, 3] },
                { "truncated", pkcs8[..^1] },
                { "with a byte behind", [.. pkcs8, 0] },
                { "the SEC 1 form", Convert.FromHexString(KeyVectors.SpecPrivateKey)[4..] },
                { "a public key", Convert.FromHexString(KeyVectors.SpecPublicKey)[4..] },
                { "whose public half is not on the curve", publicKeyChanged },
                { "whose public half is another key's", [.. pkcs8[..^64], .. KeyVectors.Go.ToSpki()[^64..]] },
                { "P-384", Pkcs8Of(ECCurve.NamedCurves.nistP384) },
                { "secp256k1", Pkcs8Of(ECCurve.CreateFromValue("1.3.132.0.10")) },
                { "brainpoolP256r1", Pkcs8Of(ECCurve.NamedCurves.brainpoolP256r1) },
            };
        }
    }

    [Theory, MemberData(nameof(NotKeys))]
    public void FromPkcs8_AnythingElse_IsRefused(string what, byte[] pkcs8) =>
        Should.Throw<FormatException>(() => PrivateKey.FromPkcs8(pkcs8).Dispose(), what).Message.ShouldContain("P-256");

    [Theory]
    [InlineData("")]
    [InlineData("no block")]
    [InlineData("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAQID\n-----END PRIVATE KEY-----")]
    [InlineData("-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----")]
    [InlineData("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAQID\n-----END ENCRYPTED PRIVATE KEY-----")]
    public void FromPem_AnythingElse_IsRefused(string pem) =>
        Should.Throw<FormatException>(() => PrivateKey.FromPem(pem).Dispose());

    [Fact]
    public void Sign_FromManyThreads_IsAlwaysVerified()
    {
        using var key = PrivateKey.Generate();
        var wrong = 0;
        Parallel.For(0, 400, index =>
        {
            var data = BitConverter.GetBytes(index);
            if (!key.PublicKey.Verify(data, key.Sign(data)))
                Interlocked.Increment(ref wrong);
        });
        wrong.ShouldBe(0);
    }

    [Fact]
    public void Key_Disposed_SignsNoMore()
    {
        var key = PrivateKey.Generate();
        var signature = key.Sign("message"u8);
        key.Dispose();
        key.Dispose();
        Should.Throw<ObjectDisposedException>(() => key.Sign("message"u8));
        Should.Throw<ObjectDisposedException>(() => key.ToPkcs8());
        Should.Throw<ObjectDisposedException>(() => key.ToPem());
        key.PublicKey.Verify("message"u8, signature).ShouldBeTrue();
    }

    private static byte[] Pkcs8Of(ECCurve curve)
    {
        using var key = ECDsa.Create(curve);
        return key.ExportPkcs8PrivateKey();
    }
}
