using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Payments;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.Payments;

/// <summary>Stripe's own library makes signatures that are to be taken here, and checks those that the tests make.</summary>
[Trait("needs", "node")]
public sealed class StripeJudgeTests
{
    private const string Secret = "whsec_judgesSecret";
    private const long At = 1_700_000_000;

    private static readonly string[] s_payloads =
    [
        """{"id":"evt_1","object":"event","type":"charge.refunded","data":{"object":{}}}""",
        """{"id":"evt_2","object":"event","note":"ünïcödé … 𝔘 \n","data":{"object":{}}}""",
        "{\n  \"id\": \"evt_3\",\n  \"object\": \"event\",\n  \"data\": { \"object\": { \"amount\": 2500 } }\n}",
    ];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Signatures_OfStripesLibraryAndOurs_AreTheSame()
    {
        var made = await JudgeAsync([.. s_payloads.Select(payload => new JsonObject { ["make"] = new JsonObject { ["payload"] = payload, ["secret"] = Secret, ["timestamp"] = At } })]);
        var now = DateTimeOffset.FromUnixTimeSeconds(At);
        foreach (var (payload, answer) in s_payloads.Zip(made))
        {
            var header = (string)answer["header"]!;
            var body = Encoding.UTF8.GetBytes(payload);
            StripeSignature.Check(header, body, ["whsec_anOlderOneOfOurs", Secret], now).ShouldBe(SignatureVerdict.Valid);
            StripeSignature.Check(header, body, ["whsec_anOlderOneOfOurs"], now).ShouldBe(SignatureVerdict.NoMatch);
            StripeSignature.Check(header, body, [Secret], now.AddSeconds(301)).ShouldBe(SignatureVerdict.OutOfTolerance);
            body[^1] ^= 1;
            StripeSignature.Check(header, body, [Secret], now).ShouldBe(SignatureVerdict.NoMatch);
        }
    }

    [Fact]
    public async Task Signatures_OfTheTests_AreTakenByStripesLibraryWhereTheyAreTakenHere()
    {
        var cases = new List<(string Payload, string Header, long ReceivedAt)>();
        foreach (var payload in s_payloads)
        {
            var good = FakeStripeServer.Sign(payload, DateTimeOffset.FromUnixTimeSeconds(At), Secret);
            cases.Add((payload, good, At));
            cases.Add((payload, good, At + 300));
            cases.Add((payload, good, At + 301));
            cases.Add((payload + " ", good, At));
            cases.Add((payload, good.Replace("v1=", "v1=0", StringComparison.Ordinal), At));
            cases.Add((payload, FakeStripeServer.Sign(payload, DateTimeOffset.FromUnixTimeSeconds(At), "whsec_other") + "," + good.Split(',')[1], At));
            cases.Add((payload, "t=1", At));
        }

        var judged = await JudgeAsync([.. cases.Select(one => new JsonObject
        {
            ["check"] = new JsonObject { ["payload"] = one.Payload, ["secret"] = Secret, ["header"] = one.Header, ["receivedAt"] = one.ReceivedAt },
        })]);

        judged.Count(answer => (bool)answer["valid"]!).ShouldBe(3 * s_payloads.Length);
        foreach (var (one, answer) in cases.Zip(judged))
        {
            var verdict = StripeSignature.Check(one.Header, Encoding.UTF8.GetBytes(one.Payload), [Secret], DateTimeOffset.FromUnixTimeSeconds(one.ReceivedAt));
            (verdict is SignatureVerdict.Valid).ShouldBe((bool)answer["valid"]!, $"{one.Header} at {one.ReceivedAt}: {answer["reason"]}");
        }
    }

    private static async Task<IReadOnlyList<JsonNode>> JudgeAsync(JsonArray questions)
    {
        var folder = await NpmJudge.InstallAsync("stripe", Stop);
        var (judged, answer) = await NpmJudge.RunAsync("node", folder, [Path.Combine(folder, "signature.mjs")], questions.ToJsonString(), Stop);
        Assert.SkipUnless(judged || answer.Length > 0, "Node is needed to run Stripe's library.");
        judged.ShouldBeTrue(answer);
        return [.. JsonNode.Parse(answer)!.AsArray().Select(one => one!)];
    }
}
