using System.Text;
using System.Text.Json;

namespace Stoa.Primitives.Tests;

public sealed class ContentHashTests
{
    // FIPS 180-2, appendix B, and the digest of nothing.
    public static TheoryData<string, string> Vectors => new()
    {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };

    [Theory, MemberData(nameof(Vectors))]
    public async Task Of_PublishedMessage_GivesPublishedDigest(string message, string digest)
    {
        var hash = ContentHash.Of(Encoding.ASCII.GetBytes(message));
        hash.Hex.ShouldBe(digest);
        hash.ToString().ShouldBe("sha256:" + digest);
        ContentHash.Parse("sha256:" + digest).ShouldBe(hash);
        ContentHash.FromBytes(Convert.FromHexString(digest)).ShouldBe(hash);

        using var stream = new MemoryStream(Encoding.ASCII.GetBytes(message));
        (await ContentHash.OfAsync(stream, TestContext.Current.CancellationToken)).ShouldBe(hash);
    }

    [Fact]
    public void CopyTo_Destination_GetsTheDigest()
    {
        var bytes = new byte[33];
        ContentHash.Of("abc"u8).CopyTo(bytes);
        ContentHash.FromBytes(bytes.AsSpan(0, 32)).ShouldBe(ContentHash.Of("abc"u8));
        bytes[32].ShouldBe((byte)0);
        Should.Throw<ArgumentException>(() => ContentHash.Of("abc"u8).CopyTo(new byte[31]));
    }

    [Fact]
    public void Default_Hash_IsEmptyAndPrintsZeros()
    {
        default(ContentHash).IsEmpty.ShouldBeTrue();
        default(ContentHash).ToString().ShouldBe("sha256:" + new string('0', 64));
        ContentHash.Of([]).IsEmpty.ShouldBeFalse();
    }

    [Theory]
    [InlineData("")]
    [InlineData("sha256:")]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("sha256:g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555")]
    [InlineData(" sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85")]
    [InlineData("sha256:0000000000000000000000000000000000000000000000000000000000000000")]
    public void Parse_AnythingElse_IsRefused(string text)
    {
        ContentHash.TryParse(text, out _).ShouldBeFalse();
        Should.Throw<FormatException>(() => ContentHash.Parse(text)).Message.ShouldContain("sha256:");
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<ContentHash>(JsonSerializer.Serialize(text)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    public void FromBytes_OtherLength_IsRefused(int length) =>
        Should.Throw<FormatException>(() => ContentHash.FromBytes(new byte[length]));

    [Fact]
    public void Compare_Hashes_OrderAsTheirBytes()
    {
        // Each differs from the one before in another eight bytes.
        byte[][] ascending = [new byte[32], With(31, 1), With(23, 1), With(15, 1), With(7, 1), With(0, 0xff)];
        for (var index = 1; index < ascending.Length; index++)
        {
            var (lower, higher) = (ContentHash.FromBytes(ascending[index - 1]), ContentHash.FromBytes(ascending[index]));
            (lower < higher && lower <= higher && higher > lower && higher >= lower).ShouldBeTrue();
            lower.ShouldNotBe(higher);
        }

        static byte[] With(int index, byte value)
        {
            var bytes = new byte[32];
            bytes[index] = value;
            return bytes;
        }
    }

    [Fact]
    public void Json_Hash_IsAStringAndAMemberName()
    {
        var hash = ContentHash.Of("abc"u8);
        JsonSerializer.Serialize(hash).ShouldBe($"\"{hash}\"");
        var byHash = new Dictionary<ContentHash, int> { [hash] = 1 };
        JsonSerializer.Serialize(byHash).ShouldBe($$"""{"{{hash}}":1}""");
        JsonSerializer.Deserialize<Dictionary<ContentHash, int>>(JsonSerializer.Serialize(byHash)).ShouldBe(byHash);
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<ContentHash>("7"));
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<ContentHash>("null"));
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<ContentHash>("\"\\ud800\""));
    }
}
