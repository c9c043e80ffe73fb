using Stoa.Market.Identity;
using Stoa.Market.Signing;
using Stoa.Primitives;
using Stoa.Primitives.HttpSignatures;

namespace Stoa.Market.Tests.Signing;

public sealed class SignedRequestRulesTests
{
    private const long Now = 1_800_000_000;

    [Theory]
    [InlineData("@method @path @query", false, true)]
    [InlineData("@method @target-uri", false, true)]
    [InlineData("@method @target-uri content-digest", true, true)]
    [InlineData("@path @query", false, false)]
    [InlineData("@method @path", false, false)]
    [InlineData("@method @query", false, false)]
    [InlineData("@method @path @query", true, false)]
    [InlineData("", false, false)]
    public void Components_ThatBindTheRequest_AreRequired(string components, bool hasBody, bool isEnough) =>
        (Check(components: components, hasBody: hasBody) is null).ShouldBe(isEnough);

    [Theory]
    [InlineData("@method @path @query", "", true)]
    [InlineData("@method @path @query", "stoa-organisation", false)]
    [InlineData("@method @path @query", "idempotency-key", false)]
    [InlineData("@method @path @query stoa-organisation", "stoa-organisation", true)]
    [InlineData("@method @path @query stoa-organisation", "stoa-organisation idempotency-key", false)]
    [InlineData("@method @target-uri idempotency-key stoa-organisation", "stoa-organisation idempotency-key", true)]
    public void Fields_ThatSayForWhomAndWhich_AreCoveredWhereTheyAreThere(string components, string fields, bool isEnough) =>
        (Check(components: components, fields: fields) is null).ShouldBe(isEnough);

    [Theory]
    [InlineData(0L, true)]
    [InlineData(-300L, true)]
    [InlineData(300L, true)]
    [InlineData(-301L, false)]
    [InlineData(301L, false)]
    [InlineData(long.MinValue + Now, false)]
    [InlineData(null, false)]
    public void Time_ThatIsFarFromTheNodes_IsRefused(long? offset, bool isTaken) =>
        (Check(created: offset is null ? null : Now + offset) is null).ShouldBe(isTaken);

    [Theory]
    [InlineData("12345678", true)]
    [InlineData("1234567", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Nonce_IsRequired(string? nonce, bool isTaken) => (Check(nonce: nonce) is null).ShouldBe(isTaken);

    [Theory]
    [InlineData("alg", "ecdsa-p256-sha256", true)]
    [InlineData("alg", "hmac-sha256", false)]
    [InlineData("expires", Now + 1, true)]
    [InlineData("expires", Now - 1, false)]
    public void OtherParameters_AreHeeded(string name, object value, bool isTaken) =>
        (Check(more: new KeyValuePair<string, object>(name, value)) is null).ShouldBe(isTaken);

    [Fact]
    public void Proof_OfAnotherKeyOrForAnotherUser_IsNone()
    {
        using var key = PrivateKey.Generate();
        using var other = PrivateKey.Generate();
        var (ada, eve) = (new Id<User>(Guid.CreateVersion7()), new Id<User>(Guid.CreateVersion7()));
        DsseEnvelope Proof(PrivateKey by, string payload, string type = SigningKeyProof.PayloadType) =>
            DsseEnvelope.Sign(type, System.Text.Encoding.UTF8.GetBytes(payload), by);

        SigningKeyProof.Check(Proof(key, $$"""{"user":"{{ada}}"}"""), key.PublicKey, ada).ShouldBeNull();
        SigningKeyProof.Check(Proof(other, $$"""{"user":"{{ada}}"}"""), key.PublicKey, ada).ShouldNotBeNull();
        SigningKeyProof.Check(Proof(key, $$"""{"user":"{{eve}}"}"""), key.PublicKey, ada).ShouldNotBeNull();
        SigningKeyProof.Check(Proof(key, $$"""{"user":"{{ada}}"}""", "application/json"), key.PublicKey, ada).ShouldNotBeNull();
        foreach (var nonsense in new[] { "", "[]", "{}", """{"user":null}""", "\"user\"" })
            SigningKeyProof.Check(Proof(key, nonsense), key.PublicKey, ada).ShouldNotBeNull(nonsense);
    }

    private static string? Check(
        string components = "@method @path @query", bool hasBody = false, long? created = Now, string? nonce = "a nonce of its own", KeyValuePair<string, object>? more = null,
        string fields = "")
    {
        var parameters = new List<KeyValuePair<string, object>>();
        if (created is { } time)
            parameters.Add(new("created", time));
        if (nonce is not null)
            parameters.Add(new("nonce", nonce));
        if (more is { } one)
            parameters.Add(one);
        return SignedRequestRules.Check(
            new SignatureInput(components.Split(' ', StringSplitOptions.RemoveEmptyEntries), parameters), hasBody, fields.Split(' ').Contains, DateTimeOffset.FromUnixTimeSeconds(Now));
    }
}
