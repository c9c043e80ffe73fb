using System.Security.Cryptography;
using System.Text;
using Stoa.Network.Identity;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Identity;

public sealed class PeerKeyTests
{
    // The test vectors of libp2p's peer-ids specification.
    private const string Ed25519OfTheSpecification = "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
    private const string Secp256k1OfTheSpecification = "08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99";
    private const string EcdsaOfTheSpecification =
        "0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62";

    private static readonly byte[] s_data = Encoding.UTF8.GetBytes("what is signed");

    [Theory]
    [InlineData(Ed25519OfTheSpecification, PeerKeyType.Ed25519, true)]
    [InlineData(Secp256k1OfTheSpecification, PeerKeyType.Secp256k1, true)]
    [InlineData(EcdsaOfTheSpecification, PeerKeyType.Ecdsa, false)]
    public void Key_OfTheSpecification_IsReadAndWrittenTheSame(string hex, PeerKeyType type, bool isInsideItsId)
    {
        var key = Parse(Convert.FromHexString(hex));

        key.Type.ShouldBe(type);
        Convert.ToHexStringLower(key.Encoded.Span).ShouldBe(hex);
        var multihash = key.PeerId.ToBytes();
        (multihash[0] == 0).ShouldBe(isInsideItsId);
        if (isInsideItsId)
            multihash.AsSpan(2).SequenceEqual(key.Encoded.Span).ShouldBeTrue();
    }

    [Fact]
    public void Signature_OfRsa_HoldsAndNoOther()
    {
        using var rsa = RSA.Create(2048);
        var key = Parse(Encode(0, rsa.ExportSubjectPublicKeyInfo()));

        ShouldHoldAndNoOther(key, rsa.SignData(s_data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        key.Verify(s_data, rsa.SignData(s_data, HashAlgorithmName.SHA256, RSASignaturePadding.Pss)).ShouldBeFalse();
    }

    [Fact]
    public void Signature_OfSecp256k1_HoldsAndNoOther()
    {
        // Both parities of y come by.
        for (var count = 0; count < 8; count++)
        {
            using var ecdsa = ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.10"));
            var point = ecdsa.ExportParameters(false).Q;
            var key = Parse(Encode(2, [(byte)(2 + (point.Y![^1] & 1)), .. point.X!]));

            ShouldHoldAndNoOther(key, ecdsa.SignData(s_data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        }
    }

    [Fact]
    public void Signature_OfStoasOwnKey_HoldsAndNoOther()
    {
        using var own = PrivateKey.Generate();
        var key = PeerKey.Of(own.PublicKey);

        key.ShouldBe(Parse(own.PublicKey.ToProtobuf()));
        key.PeerId.ShouldBe(own.PublicKey.PeerId);
        ShouldHoldAndNoOther(key, own.Sign(s_data));
    }

    [Theory]
    [InlineData("", "nothing")]
    [InlineData("0801", "the end within")]
    [InlineData("12201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e0801", "Data before Type")]
    [InlineData("080112a0001ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e", "a length that is not the shortest")]
    [InlineData("080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e00", "a byte behind")]
    [InlineData("0801121f1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce2", "a short point")]
    [InlineData("080412201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e", "an unknown type")]
    [InlineData("08811222", "a type of two bytes")]
    [InlineData("08021221040000000000000000000000000000000000000000000000000000000000000001", "a point that is not compressed")]
    [InlineData("08021221020000000000000000000000000000000000000000000000000000000000000005", "an x that has no y")]
    [InlineData("0802122102fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff0", "an x beyond the field")]
    [InlineData(
        "080312573055020101a00a06082a8648ce3d030107a1440342000462fe8c784cf55ddfd158962018e4708db1f31a1a126a50b03d80ab99ac14be677f7e55beaaac9ae903e1859bb568870dbbe477ce42626d0b1c5b219cd104bf8c",
        "P-256 as js-libp2p writes it, against the specification")]
    public void Key_ThatIsNotCanonical_IsRefused(string hex, string because) =>
        Should.Throw<FormatException>(() => PeerKey.Parse(Convert.FromHexString(hex)), because);

    [Fact]
    public void Rsa_BeyondTheLimits_IsRefused()
    {
        using var small = RSA.Create(1024);
        var large = new RSAParameters { Modulus = [0xff, .. new byte[1030], 1], Exponent = [1, 0, 1] };
        using var tooLarge = RSA.Create(large);
        using var slow = RSA.Create(new RSAParameters { Modulus = [0xff, .. new byte[254], 1], Exponent = [1, 0, 0, 0, 1] });

        foreach (var key in (RSA[])[small, tooLarge, slow])
            Should.Throw<FormatException>(() => PeerKey.Parse(Encode(0, key.ExportSubjectPublicKeyInfo())));
    }

    [Fact]
    public void Ed25519_WithoutALibraryForIt_IsRefusedInWords() =>
        Should.Throw<PlatformNotSupportedException>(() => PeerKey.Parse(Convert.FromHexString(Ed25519OfTheSpecification), null)).Message.ShouldContain("libsodium");

    private static PeerKey Parse(byte[] encoded)
    {
        Assert.SkipUnless(encoded[1] != (byte)PeerKeyType.Ed25519 || Curve25519.OfThisMachine is not null, "Ed25519 needs OpenSSL 3 or libsodium.");
        return PeerKey.Parse(encoded);
    }

    private static byte[] Encode(byte type, byte[] data)
    {
        var length = new byte[Varint.LengthOf((ulong)data.Length)];
        Varint.Write((ulong)data.Length, length);
        return [8, type, 0x12, .. length, .. data];
    }

    private static void ShouldHoldAndNoOther(PeerKey key, byte[] signature)
    {
        key.Verify(s_data, signature).ShouldBeTrue();
        key.Verify([.. s_data, 0], signature).ShouldBeFalse();
        key.Verify(s_data, []).ShouldBeFalse();
        key.Verify(s_data, new byte[PeerKey.MaxSignatureLength + 1]).ShouldBeFalse();
        signature[^1] ^= 1;
        key.Verify(s_data, signature).ShouldBeFalse();
    }
}
