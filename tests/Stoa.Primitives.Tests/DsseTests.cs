using System.Formats.Asn1;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Stoa.Primitives.Tests;

public sealed class DsseTests
{
    private const string Type = "http://example.com/HelloWorld";

    // The vector of the DSSE protocol 1.0.0: P-256, its signature as r and s side by side.
    private const string X = "46950820868899156662930047687818585632848591499744589407958293238635476079160";
    private const string Y = "5640078356564379163099075877009565129882514886557779369047442380624545832820";
    private const string RawSignature = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==";

    [Theory]
    [InlineData(Type, "hello world", "DSSEv1 29 http://example.com/HelloWorld 11 hello world")]
    [InlineData("", "", "DSSEv1 0  0 ")]
    // Lengths are of the UTF-8 bytes.
    [InlineData("é", "日本", "DSSEv1 2 é 6 日本")]
    public void Encoding_OfTypeAndPayload_IsTheSpecifications(string type, string payload, string encoded) =>
        Dsse.PreAuthenticationEncoding(type, Encoding.UTF8.GetBytes(payload)).ShouldBe(Encoding.UTF8.GetBytes(encoded));

    [Fact]
    public void Verify_VectorOfTheSpecification_Holds()
    {
        var envelope = new DsseEnvelope(Type, "hello world"u8.ToArray(), [new DsseSignature("", DerOf(Convert.FromBase64String(RawSignature)))]);
        envelope.Verify(VectorKey()).ShouldBeTrue();
        (envelope with { PayloadType = "http://example.com/HelloWorlds" }).Verify(VectorKey()).ShouldBeFalse();
        (envelope with { Payload = "hello world!"u8.ToArray() }).Verify(VectorKey()).ShouldBeFalse();
        envelope.Verify(KeyVectors.Go).ShouldBeFalse();
    }

    [Fact]
    public void FromJson_EnvelopeOfTheSpecification_IsRead()
    {
        var json = $$"""
            {"payload": "aGVsbG8gd29ybGQ=",
             "payloadType": "http://example.com/HelloWorld",
             "signatures": [{"sig": "{{RawSignature}}"}]}
            """;
        var envelope = DsseEnvelope.FromJson(Encoding.UTF8.GetBytes(json));
        envelope.PayloadType.ShouldBe(Type);
        envelope.Payload.ShouldBe("hello world"u8.ToArray());
        envelope.Signatures.ShouldBe([new DsseSignature("", Convert.FromBase64String(RawSignature))]);
    }

    [Fact]
    public void Sign_Payload_ComesBackAndIsVerified()
    {
        using var key = PrivateKey.Generate();
        var envelope = DsseEnvelope.Sign("application/vnd.stoa.test+json", "{}"u8, key);
        envelope.Signatures.Single().KeyId.ShouldBe(key.PublicKey.PeerId.ToString());
        envelope.Verify(key.PublicKey).ShouldBeTrue();

        var json = envelope.ToJson();
        Encoding.UTF8.GetString(json).ShouldBe(
            $$"""{"payload":"e30=","payloadType":"application/vnd.stoa.test+json","signatures":[{"keyid":"{{key.PublicKey.PeerId}}","sig":{{JsonSerializer.Serialize(envelope.Signatures[0].Sig)}}}]}""");
        var read = DsseEnvelope.FromJson(json);
        read.ShouldBe(envelope);
        read.GetHashCode().ShouldBe(envelope.GetHashCode());
        read.Verify(key.PublicKey).ShouldBeTrue();
        read.ContentHash.ShouldBe(ContentHash.Of(json));
    }

    [Fact]
    public void Json_WithinAnotherRecord_HasTheSameForm()
    {
        using var key = PrivateKey.Generate();
        var envelope = DsseEnvelope.Sign(Type, "payload"u8, key);
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        JsonSerializer.SerializeToUtf8Bytes(envelope, options).ShouldBe(envelope.ToJson());
        JsonSerializer.Deserialize<DsseEnvelope[]>(JsonSerializer.Serialize(new[] { envelope }, options), options).ShouldBe([envelope]);
    }

    [Fact]
    public void Verify_SeveralSignatures_FindsEach()
    {
        using var first = PrivateKey.Generate();
        using var second = PrivateKey.Generate();
        using var stranger = PrivateKey.Generate();
        var envelope = DsseEnvelope.Sign(Type, "payload"u8, first);
        var both = envelope with { Signatures = [.. envelope.Signatures, .. DsseEnvelope.Sign(Type, "payload"u8, second).Signatures] };
        both.Verify(first.PublicKey).ShouldBeTrue();
        both.Verify(second.PublicKey).ShouldBeTrue();
        both.Verify(stranger.PublicKey).ShouldBeFalse();
        both.ShouldNotBe(envelope);
        both.ContentHash.ShouldNotBe(envelope.ContentHash);
        (envelope with { Signatures = [] }).Verify(first.PublicKey).ShouldBeFalse();
    }

    [Fact]
    public void Verify_FalseKeyId_IsNoHindrance()
    {
        using var key = PrivateKey.Generate();
        var envelope = DsseEnvelope.Sign(Type, "payload"u8, key);
        (envelope with { Signatures = [envelope.Signatures[0] with { KeyId = "someone else" }] }).Verify(key.PublicKey).ShouldBeTrue();
    }

    [Theory]
    // Any order, foreign members, URL-safe base64 with and without padding, an empty payload left out.
    [InlineData("""{"signatures":[{"sig":"-_8="}],"payloadType":"t","payload":"-_8="}""", "FBFF")]
    [InlineData("""{"signatures":[{"sig":"-_8","x":{"sig":1}}],"payloadType":"t","payload":"-_8","more":[1,{"payload":2}]}""", "FBFF")]
    [InlineData("""{"signatures":[{"keyid":"","sig":"+/8="}],"payloadType":"t"}""", "")]
    [InlineData("""{"payload":"","signatures":[{"sig":"+/8="}],"payloadType":"t"}""", "")]
    public void FromJson_OtherFormsOfTheSame_AreRead(string json, string payloadHex)
    {
        var envelope = DsseEnvelope.FromJson(Encoding.UTF8.GetBytes(json));
        envelope.ShouldBe(new DsseEnvelope("t", Convert.FromHexString(payloadHex), [new DsseSignature("", [0xfb, 0xff])]));
    }

    public static TheoryData<string> NotEnvelopes =>
    [
        "",
        "null",
        "[]",
        "{}",
        "\"text\"",
        "{",
        """{"payload":"e30=","payloadType":"t","signatures":[]}""",
        """{"payload":"e30=","payloadType":"t"}""",
        """{"payload":"e30=","payloadType":"","signatures":[{"sig":"AA=="}]}""",
        """{"payload":"e30=","signatures":[{"sig":"AA=="}]}""",
        """{"payload":"e30=","payloadType":"t","signatures":[{}]}""",
        """{"payload":"e30=","payloadType":"t","signatures":[null]}""",
        """{"payload":"e30=","payloadType":"t","signatures":{"sig":"AA=="}}""",
        """{"payload":"e30=","payloadType":"t","signatures":[{"sig":7}]}""",
        """{"payload":"e30=","payloadType":"t","signatures":[{"sig":"!"}]}""",
        """{"payload":"e30=","payloadType":"t","signatures":[{"keyid":null,"sig":"AA=="}]}""",
        """{"payload":"e30=","payloadType":"t","signatures":[{"sig":"AA==","sig":"AA=="}]}""",
        """{"payload":"e30=","payloadType":"t","signatures":[{"sig":"AA=="}],"payload":"e30="}""",
        """{"payload":"e30=","payloadType":"t","payloadType":"u","signatures":[{"sig":"AA=="}]}""",
        """{"payload":"e30=","payloadType":"t","signatures":[{"sig":"AA=="}],"signatures":[{"sig":"AA=="}]}""",
        """{"payload":null,"payloadType":"t","signatures":[{"sig":"AA=="}]}""",
        """{"payload":"e30=","payloadType":"t","signatures":[{"sig":"AA=="}]} {}""",
        """{"payload":"e30=","payloadType":"\ud800","signatures":[{"sig":"AA=="}]}""",
        """{"\ud800":"e30=","payloadType":"t","signatures":[{"sig":"AA=="}]}""",
        """{"payload":"\ud800","payloadType":"t","signatures":[{"sig":"AA=="}]}""",
        $$"""{"payload":"e30=","payloadType":"{{new string('t', 256)}}","signatures":[{"sig":"AA=="}]}""",
        $$"""{"payload":"e30=","payloadType":"t","signatures":[{"keyid":"{{new string('k', 256)}}","sig":"AA=="}]}""",
        $$"""{"payload":"e30=","payloadType":"t","signatures":[{"sig":"{{Convert.ToBase64String(new byte[1025])}}"}]}""",
        $$"""{"payload":"e30=","payloadType":"t","signatures":[{{string.Join(',', Enumerable.Repeat("{\"sig\":\"AA==\"}", 17))}}]}""",
        $$"""{"more":{{new string('[', 100)}}{{new string(']', 100)}},"payload":"e30=","payloadType":"t","signatures":[{"sig":"AA=="}]}""",
    ];

    [Theory, MemberData(nameof(NotEnvelopes))]
    public void FromJson_AnythingElse_IsRefused(string json) =>
        Should.Throw<FormatException>(() => DsseEnvelope.FromJson(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void FromJson_InvalidUtf8_IsRefused() =>
        Should.Throw<FormatException>(() => DsseEnvelope.FromJson([.. "{\"payloadType\":\""u8, 0xff, .. "\",\"signatures\":[{\"sig\":\"AA==\"}]}"u8]));

    [Fact]
    public void Encoding_LoneSurrogate_IsRefused() =>
        Should.Throw<ArgumentException>(() => Dsse.PreAuthenticationEncoding("\ud800", []));

    [Fact]
    public void Sign_TypeThatCannotBeRead_IsRefused()
    {
        using var key = PrivateKey.Generate();
        Should.Throw<ArgumentException>(() => DsseEnvelope.Sign("", "payload"u8, key));
        Should.Throw<ArgumentException>(() => DsseEnvelope.Sign(new string('t', 256), "payload"u8, key));
    }

    private static PublicKey VectorKey()
    {
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = Coordinate(X), Y = Coordinate(Y) },
        });
        return PublicKey.FromSpki(key.ExportSubjectPublicKeyInfo());
    }

    private static byte[] Coordinate(string number)
    {
        var bytes = BigInteger.Parse(number, CultureInfo.InvariantCulture).ToByteArray(isUnsigned: true, isBigEndian: true);
        return [.. new byte[32 - bytes.Length], .. bytes];
    }

    private static byte[] DerOf(byte[] raw)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteIntegerUnsigned(raw.AsSpan(0, 32));
            writer.WriteIntegerUnsigned(raw.AsSpan(32));
        }
        return writer.Encode();
    }
}
