using System.Text.Json;

namespace Stoa.Primitives.Tests;

public sealed class PeerIdTests
{
    // Keys inside the certificates of libp2p/specs tls/tls.md (both revisions of its test vectors), and one of go-libp2p.
    [Theory]
    [InlineData("08011220970ec193ab5f6c556009767d5cdc0477d257807b41468a6f2007b40f03034fc7", "12D3KooWKz2nHY8tmcX7ziGsF3gBoUZVvCXcmkvn86DaBsGktZfc")]
    [InlineData("0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004d287ad3dc5c97884b7ab987b660efc2aa8cde7f9814e0fb3a8a005bfd8cd4a6cd2fd961d3e2013256b5b59e1ca6c9e7e48febfb1ed90cd092ef24aa0ae2d0dc4", "Qmf5QwyriEdqphhFWkFJsmfY4Sgsj5Cq47VTa5RAboELhM")]
    [InlineData("0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004bf30511f909414ebdd3242178fd290f093a551cf75c973155de0bb5a96fedf6cb5d52da7563e794b512f66e60c7f55ba8a3acf3dd72a801980d205e8a1ad29f2", "QmfXbAwNjJLXfesgztEHe8HwgVDCMMpZ9Eax1HYq6hn9uE")]
    [InlineData("0802122102d5dd09fddbcc150de9cb92e1777d7712ba0e20f526c7a842cc5f134a966cda78", "16Uiu2HAm9pWJoENCPfqs3NxD58ujsoi8PNAVpDDJxfbuVHSWj1VZ")]
    [InlineData(KeyVectors.GoPublicKey, KeyVectors.GoPeerId)]
    public void PeerId_OfPublishedKey_IsThePublishedOne(string encodedPublicKey, string text)
    {
        var id = PeerId.FromEncodedPublicKey(Convert.FromHexString(encodedPublicKey));
        id.ToString().ShouldBe(text);
        PeerId.Parse(text).ShouldBe(id);
        PeerId.Parse(id.ToCid()).ShouldBe(id);
        PeerId.FromBytes(id.ToBytes()).ShouldBe(id);
    }

    [Fact]
    public void PeerId_OfAPublicKey_IsTheSame() => KeyVectors.Go.PeerId.ToString().ShouldBe(KeyVectors.GoPeerId);

    // The examples of libp2p/specs peer-ids/peer-ids.md, string representation.
    [Fact]
    public void Parse_CidOfTheSpecification_IsItsBase58()
    {
        var id = PeerId.Parse("bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe");
        id.ToString().ShouldBe("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N");
        id.ToCid().ShouldBe("bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe");
        id.ToBytes().Length.ShouldBe(34);
    }

    [Fact]
    public void Parse_IdentityOfTheSpecification_HoldsTheKey()
    {
        var id = PeerId.Parse("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA");
        id.ToString().ShouldBe("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA");
        // Identity, 36 bytes: Type 1 (Ed25519), Data of 32 bytes.
        id.ToBytes().AsSpan(0, 6).ToArray().ShouldBe([0x00, 0x24, 0x08, 0x01, 0x12, 0x20]);
    }

    [Theory]
    [InlineData(PeerId.MaxInlineKeyLength, 0x00)]
    [InlineData(PeerId.MaxInlineKeyLength + 1, 0x12)]
    public void PeerId_ByTheLengthOfTheKey_HoldsOrHashesIt(int length, byte code)
    {
        var id = PeerId.FromEncodedPublicKey(new byte[length]);
        id.ToBytes()[0].ShouldBe(code);
        PeerId.Parse(id.ToString()).ShouldBe(id);
    }

    public static TheoryData<string> NotIds =>
    [
        "",
        "Qm",
        "1",
        "11",
        // Truncated, with a foreign character, with a space.
        "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5",
        "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx50",
        "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N ",
        // Multibase base58btc, upper-case base32, a CID of dag-pb, a truncated one.
        "zQmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
        "BAFZBEIE5745RPV2M6TJYUUGYWY4D5EWRQGQQHFNF445HE3OMZPJBX5XQXE",
        "bafybeibj6lixxzqtsb45ysdjnupvqkufgdvzqbnvmhw2kf7cfkesy7r7d4",
        "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqx",
        // An identity multihash of 43 bytes, SHA-256 of 31 bytes, SHA-512's code, a wrong length.
        Base58.Encode([0x00, 43, .. new byte[43]]),
        Base58.Encode([0x12, 31, .. new byte[31]]),
        Base58.Encode([0x13, 32, .. new byte[32]]),
        "b" + Base32.Encode([0x01, 0x72, 0x12, 33, .. new byte[32]]),
        "b" + Base32.Encode([0x01, 0x72]),
        "b" + Base32.Encode([0x01, 0x72, 0x00, 0x00]),
        new string('1', 100_000),
        "b" + new string('a', 100_000),
    ];

    [Theory, MemberData(nameof(NotIds))]
    public void Parse_AnythingElse_IsRefused(string text)
    {
        PeerId.TryParse(text, out _).ShouldBeFalse();
        Should.Throw<FormatException>(() => PeerId.Parse(text)).Message.ShouldContain("peer id");
    }

    [Fact]
    public void FromBytes_AnythingElse_IsRefused()
    {
        Should.Throw<FormatException>(() => PeerId.FromBytes([]));
        Should.Throw<FormatException>(() => PeerId.FromBytes([0x00, 0x00]));
        Should.Throw<FormatException>(() => PeerId.FromBytes([0x12, 0x20, 1]));
        Should.Throw<FormatException>(() => PeerId.FromEncodedPublicKey([]));
    }

    [Fact]
    public void Default_Id_IsEmptyAndPrintsNothing()
    {
        default(PeerId).IsEmpty.ShouldBeTrue();
        default(PeerId).ToString().ShouldBeEmpty();
        default(PeerId).ToCid().ShouldBeEmpty();
        default(PeerId).ToBytes().ShouldBeEmpty();
    }

    [Fact]
    public void Json_Id_IsAString()
    {
        JsonSerializer.Serialize(PeerId.Parse(KeyVectors.GoPeerId)).ShouldBe($"\"{KeyVectors.GoPeerId}\"");
        JsonSerializer.Deserialize<PeerId>($"\"{KeyVectors.GoPeerId}\"").ShouldBe(PeerId.Parse(KeyVectors.GoPeerId));
    }
}
