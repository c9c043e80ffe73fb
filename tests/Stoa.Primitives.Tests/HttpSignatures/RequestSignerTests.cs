using Stoa.Primitives.HttpSignatures;

namespace Stoa.Primitives.Tests.HttpSignatures;

public sealed class RequestSignerTests
{
    private static readonly string[] s_covered = ["@method", "@path", "@query", "content-digest", "content-type", "stoa-ask"];

    [Fact]
    public void Request_IsSignedAsItIs()
    {
        using var key = PrivateKey.Generate();
        using var request = Request("https://node.example/api/v1/a%20b?c=d");

        RequestSigner.Sign(request, s_covered, key, "skey_1", DateTimeOffset.UnixEpoch.AddSeconds(1.9), "nonce");

        const string input = "(\"@method\" \"@path\" \"@query\" \"content-digest\" \"content-type\" \"stoa-ask\");created=1;nonce=\"nonce\";keyid=\"skey_1\";alg=\"ecdsa-p256-sha256\"";
        request.Headers.GetValues("Signature-Input").ShouldHaveSingleItem().ShouldBe("stoa=" + input);
        var lines = $"""
            "@method": POST
            "@path": /api/v1/a%20b
            "@query": ?c=d
            "content-digest": sha-256=:x:
            "content-type": application/json
            "stoa-ask": one, two
            "@signature-params": {input}
            """.ReplaceLineEndings("\n");
        var signature = request.Headers.GetValues("Signature").ShouldHaveSingleItem();
        signature.ShouldStartWith("stoa=:");
        key.PublicKey.VerifyFixed(System.Text.Encoding.ASCII.GetBytes(lines), Convert.FromBase64String(signature[6..^1])).ShouldBeTrue();
    }

    [Fact]
    public void Query_OfARequestWithoutOne_IsAQuestionMark()
    {
        using var key = PrivateKey.Generate();
        using var request = Request("https://node.example/a");

        RequestSigner.Sign(request, ["@query"], key, "k", DateTimeOffset.UnixEpoch, "nonce");

        var signature = request.Headers.GetValues("Signature").ShouldHaveSingleItem();
        key.PublicKey.VerifyFixed(
            "\"@query\": ?\n\"@signature-params\": (\"@query\");created=0;nonce=\"nonce\";keyid=\"k\";alg=\"ecdsa-p256-sha256\""u8, Convert.FromBase64String(signature[6..^1])).ShouldBeTrue();
    }

    [Fact]
    public void Request_ThatLacksWhatIsCovered_IsNotSigned()
    {
        using var key = PrivateKey.Generate();
        using var request = Request("https://node.example/a");

        Should.Throw<FormatException>(() => RequestSigner.Sign(request, ["payment-signature"], key, "k", DateTimeOffset.UnixEpoch, "nonce"));

        request.Headers.Contains("Signature").ShouldBeFalse();
    }

    private static HttpRequestMessage Request(string address)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ByteArrayContent([1]) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        request.Headers.Add(RequestSigner.DigestHeader, "sha-256=:x:");
        request.Headers.Add("Stoa-Ask", ["one", "two"]);
        return request;
    }
}
