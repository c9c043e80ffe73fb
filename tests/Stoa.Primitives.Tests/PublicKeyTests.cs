using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Stoa.Primitives.Tests;

public sealed class PublicKeyTests
{
    // The order of P-256 (SEC 2 section 2.4.2).
    private static readonly BigInteger s_order = BigInteger.Parse("00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", System.Globalization.NumberStyles.HexNumber);

    [Theory]
    [InlineData(KeyVectors.SpecPublicKey)]
    [InlineData(KeyVectors.GoPublicKey)]
    public void Protobuf_OfPublishedKey_ComesBack(string hex)
    {
        var key = PublicKey.FromProtobuf(Convert.FromHexString(hex));
        Convert.ToHexStringLower(key.ToProtobuf()).ShouldBe(hex);
        Convert.ToHexStringLower(key.ToSpki()).ShouldBe(hex[8..]);
        PublicKey.FromSpki(key.ToSpki()).ShouldBe(key);
        PublicKey.FromSpki(key.ToSpki()).GetHashCode().ShouldBe(key.GetHashCode());
        key.ToString().ShouldBe(key.PeerId.ToString());
    }

    [Fact]
    public void Verify_SignatureOfGo_HoldsForItsMessageOnly()
    {
        var signature = Convert.FromHexString(KeyVectors.GoSignature);
        KeyVectors.Go.Verify(Encoding.ASCII.GetBytes(KeyVectors.GoMessage), signature).ShouldBeTrue();
        KeyVectors.Go.Verify("something else"u8, signature).ShouldBeFalse();
        PublicKey.FromProtobuf(Convert.FromHexString(KeyVectors.SpecPublicKey)).Verify(Encoding.ASCII.GetBytes(KeyVectors.GoMessage), signature).ShouldBeFalse();
    }

    [Fact]
    public void Verify_NegatedS_HoldsToo()
    {
        var (r, s) = Read(Convert.FromHexString(KeyVectors.GoSignature));
        KeyVectors.Go.Verify(Encoding.ASCII.GetBytes(KeyVectors.GoMessage), Write(r, s_order - s)).ShouldBeTrue();
    }

    public static TheoryData<string, bool> NotSignatures => new(Malformed().Select(bytes => (Convert.ToHexStringLower(bytes), false))
        .Concat(OutOfRange().Select(bytes => (Convert.ToHexStringLower(bytes), true))));

    [Theory, MemberData(nameof(NotSignatures))]
    public void Verify_AnythingButStrictDer_IsFalse(string hex, bool isWellFormed)
    {
        var signature = Convert.FromHexString(hex);
        KeyVectors.Go.Verify(Encoding.ASCII.GetBytes(KeyVectors.GoMessage), signature).ShouldBeFalse();
        DerSignature.IsStrict(signature).ShouldBe(isWellFormed);
    }

    [Fact]
    public void Verify_WhatWasGoodBefore_IsOfThatKeyThatMessageAndThatFormOnly()
    {
        using var signer = PrivateKey.Generate();
        using var other = PrivateKey.Generate();
        byte[] message = [1, 2, 3];
        var (signature, @fixed) = (signer.Sign(message), signer.SignFixed(message));
        for (var round = 0; round < 3; round++)
        {
            signer.PublicKey.Verify(message, signature).ShouldBeTrue();
            PublicKey.FromSpki(signer.PublicKey.ToSpki()).Verify(message, signature).ShouldBeTrue();
            signer.PublicKey.VerifyFixed(message, @fixed).ShouldBeTrue();
            other.PublicKey.Verify(message, signature).ShouldBeFalse();
            other.PublicKey.VerifyFixed(message, @fixed).ShouldBeFalse();
            signer.PublicKey.Verify([1, 2, 3, 4], signature).ShouldBeFalse();
            signer.PublicKey.Verify([1, 2], signature).ShouldBeFalse();
            signer.PublicKey.Verify(message, @fixed).ShouldBeFalse();
            signer.PublicKey.VerifyFixed(message, signature).ShouldBeFalse();
        }
    }

    [Fact]
    public void GoodSignatures_BeyondTheirPlaces_AreForgottenAndFoundGoodAgain()
    {
        var names = Enumerable.Range(0, 20_000).Select(number => ContentHash.Of(BitConverter.GetBytes(number))).ToList();
        foreach (var name in names)
        {
            GoodSignatures.Has(name).ShouldBeFalse();
            GoodSignatures.Add(name);
            GoodSignatures.Has(name).ShouldBeTrue();
        }

        names.Count(GoodSignatures.Has).ShouldBeInRange(1_000, 8_192);
    }

    [Fact]
    public void Verify_AnyBitFlipped_IsFalse()
    {
        var message = Encoding.ASCII.GetBytes(KeyVectors.GoMessage);
        var key = KeyVectors.Go;
        for (var bit = 0; bit < Convert.FromHexString(KeyVectors.GoSignature).Length * 8; bit++)
        {
            var flipped = Convert.FromHexString(KeyVectors.GoSignature);
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            key.Verify(message, flipped).ShouldBeFalse($"bit {bit}");
        }
    }

    public static TheoryData<string, byte[]> NotKeys
    {
        get
        {
            var spki = KeyVectors.Go.ToSpki();
            var compressed = Convert.FromHexString("3039301306072a8648ce3d020106082a8648ce3d030107032200025aeb4301c696080333039169ce896ee644373b3924a000a968ec3af9507be376");
            return new()
            {
                { "nothing", [] },
                { "truncated", spki[..^1] },
                { "with a byte behind", [.. spki, 0] },
                { "off the curve", [.. spki[..^1], (byte)(spki[^1] ^ 1)] },
                { "the zero point", [.. spki[..27], .. new byte[64]] },
                { "coordinates above the field", [.. spki[..27], .. Enumerable.Repeat((byte)0xff, 64)] },
                { "compressed", compressed },
                { "hybrid", [.. spki[..26], 6, .. spki[27..]] },
                { "P-384", SpkiOf(ECCurve.NamedCurves.nistP384) },
                { "secp256k1", SpkiOf(ECCurve.CreateFromValue("1.3.132.0.10")) },
                { "brainpoolP256r1", SpkiOf(ECCurve.NamedCurves.brainpoolP256r1) },
                { "RSA", RsaSpki() },
            };
        }
    }

    [Theory, MemberData(nameof(NotKeys))]
    public void FromSpki_AnythingElse_IsRefused(string what, byte[] spki) =>
        Should.Throw<FormatException>(() => PublicKey.FromSpki(spki), what).Message.ShouldContain("P-256");

    [Theory]
    [InlineData("")]
    [InlineData("0803")]
    [InlineData("080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e")]
    [InlineData("08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1a7a6fea0e630bfca99")]
    [InlineData(KeyVectors.GoPublicKey + "00")]
    public void FromProtobuf_AnythingElse_IsRefused(string hex) =>
        Should.Throw<FormatException>(() => PublicKey.FromProtobuf(Convert.FromHexString(hex)));

    [Fact]
    public void Equality_OfDifferentKeys_IsFalse()
    {
        var other = PublicKey.FromProtobuf(Convert.FromHexString(KeyVectors.SpecPublicKey));
        KeyVectors.Go.Equals(other).ShouldBeFalse();
        KeyVectors.Go.Equals(null).ShouldBeFalse();
        KeyVectors.Go.Equals((object)KeyVectors.Go).ShouldBeTrue();
    }

    [Fact]
    public void Verify_FromManyThreads_AlwaysAgrees()
    {
        var key = KeyVectors.Go;
        var message = Encoding.ASCII.GetBytes(KeyVectors.GoMessage);
        var signature = Convert.FromHexString(KeyVectors.GoSignature);
        var wrong = 0;
        Parallel.For(0, 400, index =>
        {
            var expected = index % 2 == 0;
            if (key.Verify(expected ? message : "other"u8, signature) != expected)
                Interlocked.Increment(ref wrong);
        });
        wrong.ShouldBe(0);
    }

    private static byte[][] Malformed()
    {
        var valid = Convert.FromHexString(KeyVectors.GoSignature);
        var (r, s) = Read(valid);
        byte[] integers = valid[2..];
        return
        [
            [],
            [0x30],
            [0x30, 0x00],
            valid[..^1],
            [.. valid, 0],
            // A byte behind, inside the sequence.
            [0x30, (byte)(integers.Length + 1), .. integers, 0],
            // One integer, three integers, two octet strings, a set.
            [0x30, 0x22, .. integers[..34]],
            [0x30, 0x0c, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01],
            [0x30, 0x06, 0x04, 0x01, 0x01, 0x04, 0x01, 0x01],
            [0x31, .. valid[1..]],
            // The length in its long form, and the indefinite form.
            [0x30, 0x81, (byte)integers.Length, .. integers],
            [0x30, 0x80, .. integers, 0, 0],
            // A zero in front of r that is not needed; an r of no bytes; one that reaches beyond the end.
            [0x30, (byte)(integers.Length + 1), 0x02, 0x21, 0x00, .. integers[2..]],
            [0x30, 0x07, 0x02, 0x00, 0x02, 0x03, 0x01, 0x01, 0x01],
            [0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x02, 0x01],
            Write(0, s),
            Write(r, 0),
            Write(-r, s),
            Write(r, -s),
            // Of more than 256 bits, among them what is r and s again modulo the order.
            Write(r + s_order, s),
            Write(r, s + s_order),
            Write(BigInteger.Pow(2, 260), 1),
            Write(BigInteger.Pow(2, 300), s),
            // r and s side by side, as in JWS.
            [.. r.ToByteArray(true, true), .. s.ToByteArray(true, true)],
        ];
    }

    private static byte[][] OutOfRange()
    {
        var (r, s) = Read(Convert.FromHexString(KeyVectors.GoSignature));
        return [Write(r, s_order), Write(s_order, s), Write(BigInteger.Pow(2, 256) - 1, s)];
    }

    private static (BigInteger R, BigInteger S) Read(byte[] signature)
    {
        var sequence = new AsnReader(signature, AsnEncodingRules.DER).ReadSequence();
        return (sequence.ReadInteger(), sequence.ReadInteger());
    }

    private static byte[] Write(BigInteger r, BigInteger s)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(r);
            writer.WriteInteger(s);
        }
        return writer.Encode();
    }

    private static byte[] SpkiOf(ECCurve curve)
    {
        using var key = ECDsa.Create(curve);
        return key.ExportSubjectPublicKeyInfo();
    }

    private static byte[] RsaSpki()
    {
        using var key = RSA.Create(2048);
        return key.ExportSubjectPublicKeyInfo();
    }
}
