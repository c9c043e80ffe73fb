using System.Text;
using Stoa.Primitives.HttpSignatures;

namespace Stoa.Primitives.Tests.HttpSignatures;

/// <summary>The examples of RFC 9421 and RFC 9530: what others have signed verifies here.</summary>
public sealed class SignatureVectorTests
{
    // RFC 9421, appendix B.1.3: test-key-ecc-p256.
    private const string EccKey = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lfw0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==";

    private const string RequestDigest = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

    // RFC 9421, appendix B.2.
    private static readonly Dictionary<string, string> s_request = new()
    {
        ["date"] = "Tue, 20 Apr 2021 02:07:55 GMT",
        ["@method"] = "POST",
        ["@path"] = "/foo",
        ["@query"] = "?param=Value&Pet=dog",
        ["@authority"] = "example.com",
        ["content-type"] = "application/json",
        ["content-digest"] = RequestDigest,
        ["content-length"] = "18",
    };

    private static readonly Dictionary<string, string> s_response = new()
    {
        ["@status"] = "200",
        ["content-type"] = "application/json",
        ["content-digest"] = "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:",
        ["content-length"] = "23",
    };

    [Fact]
    public void ResponseSignedWithP256_OfTheStandard_Verifies()
    {
        // RFC 9421, appendix B.2.4.
        var input = Input("""sig-b24=("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256" """);
        var signature = (byte[])StructuredFields.ReadDictionary(
            "sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:").Single().Value.Value;
        var key = PublicKey.FromSpki(Convert.FromBase64String(EccKey));

        key.VerifyFixed(input.ToBase(s_response.GetValueOrDefault), signature).ShouldBeTrue();

        foreach (var name in s_response.Keys)
        {
            var changed = new Dictionary<string, string>(s_response) { [name] = s_response[name] + "0" };
            key.VerifyFixed(input.ToBase(changed.GetValueOrDefault), signature).ShouldBeFalse(name);
        }
    }

    [Theory]
    // RFC 9421, appendices B.2.6 and B.2.5, and section 2.5.
    [InlineData(
        """sig=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519" """,
        """
        "date": Tue, 20 Apr 2021 02:07:55 GMT
        "@method": POST
        "@path": /foo
        "@authority": example.com
        "content-type": application/json
        "content-length": 18
        "@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"
        """)]
    [InlineData(
        """sig=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret" """,
        """
        "date": Tue, 20 Apr 2021 02:07:55 GMT
        "@authority": example.com
        "content-type": application/json
        "@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"
        """)]
    [InlineData(
        """sig=("@method" "@authority" "@path" "content-digest" "content-length" "content-type");created=1618884473;keyid="test-key-rsa-pss" """,
        """
        "@method": POST
        "@authority": example.com
        "@path": /foo
        "content-digest": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:
        "content-length": 18
        "content-type": application/json
        "@signature-params": ("@method" "@authority" "@path" "content-digest" "content-length" "content-type");created=1618884473;keyid="test-key-rsa-pss"
        """)]
    public void Base_OfTheExamples_IsThatOfTheStandard(string input, string expected) =>
        Encoding.ASCII.GetString(Input(input).ToBase(s_request.GetValueOrDefault)).ShouldBe(expected.ReplaceLineEndings("\n"));

    [Theory]
    [InlineData("{\"hello\": \"world\"}", RequestDigest, true)]
    [InlineData("{\"hello\": \"world\"}", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", true)]
    [InlineData("{\"hello\": \"world\"}", RequestDigest + ", sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", true)]
    [InlineData("{\"hello\": \"World\"}", RequestDigest, false)]
    [InlineData("{\"hello\": \"world\"}\n", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", false)]
    // One of two that is wrong is enough to be wrong.
    [InlineData("{\"hello\": \"world\"}", RequestDigest + ", sha-256=:Y48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", false)]
    public void Digest_OfTheExamples_Matches(string body, string field, bool matches)
    {
        using var running = ContentDigest.Read(field).Begin();
        foreach (var part in Encoding.UTF8.GetBytes(body).Chunk(5))
            running.Add(part);

        running.Matches().ShouldBe(matches);
    }

    [Fact]
    public void OwnSignature_OverAllParts_VerifiesUntilOneIsChanged()
    {
        using var pair = PrivateKey.Generate();
        var input = SignatureInput.Of(["@method", "@path", "@query", "content-digest"], DateTimeOffset.UnixEpoch, "n-\"1\"", "skey_1");
        var read = SignatureInput.Read(StructuredFields.ReadDictionary($"stoa={input}").Single().Value);
        var signature = pair.SignFixed(input.ToBase(s_request.GetValueOrDefault));

        signature.Length.ShouldBe(PublicKey.FixedSignatureLength);
        (read.Created, read.Nonce, read.KeyId).ShouldBe((0L, "n-\"1\"", "skey_1"));
        pair.PublicKey.VerifyFixed(read.ToBase(s_request.GetValueOrDefault), signature).ShouldBeTrue();
        pair.PublicKey.Verify(read.ToBase(s_request.GetValueOrDefault), signature).ShouldBeFalse();
        foreach (var name in input.Components)
        {
            var changed = new Dictionary<string, string>(s_request) { [name] = s_request[name] + "/" };
            pair.PublicKey.VerifyFixed(read.ToBase(changed.GetValueOrDefault), signature).ShouldBeFalse(name);
        }
    }

    private static SignatureInput Input(string field) => SignatureInput.Read(StructuredFields.ReadDictionary(field).Single().Value);
}
