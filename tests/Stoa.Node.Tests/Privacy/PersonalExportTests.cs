using System.Text;
using System.Text.Json.Nodes;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Privacy;

public sealed class PersonalExportTests
{
    private const string Password = "correct horse battery";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Export_HasAllThatAPersonHasLeft_NothingOfOthers_AndNoSecret()
    {
        await using var node = await TestNode.StartAsync(null, "--webhooks:allowHttp", "true", "--webhooks:allowPrivateAddresses", "true");
        var agent = await node.PublishAsync("echo", GuestPrograms.Echo);
        using var ada = await JoinAsync(node, "ada-person");
        using var eve = await JoinAsync(node, "eve-person");
        var secrets = await LeaveTracesAsync(ada, agent, "ada");
        await LeaveTracesAsync(eve, agent, "eve");
        using var exported = new MemoryStream();

        await ada.ExportMeAsync(exported, Stop);

        var text = Encoding.UTF8.GetString(exported.ToArray());
        var lines = text.TrimEnd('\n').Split('\n').Select(line => JsonNode.Parse(line)!).ToList();
        var kinds = lines.Select(line => (string)line["kind"]!).Distinct().ToList();
        foreach (var kind in new[] { "users", "api_keys", "tasks", "task_ends", "task_content", "receipts", "task_templates", "schedules", "webhooks", "reviews", "wallet", "transfers", "audit", "content" })
            kinds.ShouldContain(kind);
        foreach (var trace in new[] { "ada-person@example.org", "ada-key", "ada-template", "ada-schedule", "ada-hook", "ada-review", "createTemplate" })
            text.ShouldContain(trace);
        var contents = lines.Where(line => (string)line["kind"]! == "content").ToList();
        string.Concat(contents.Select(line => Encoding.UTF8.GetString(Convert.FromBase64String((string)line["value"]!["base64"]!)))).ShouldContain("ada-upload");
        lines.Where(line => (string)line["kind"]! == "task_content").Select(line => Encoding.UTF8.GetString(Convert.FromHexString((string)line["value"]!["bytes"]!)))
            .ShouldContain("ada-input");
        text.ShouldNotContain("eve-");
        foreach (var secret in secrets)
            text.ShouldNotContain(secret);
        text.ShouldNotContain("PBKDF2", Case.Insensitive);
    }

    [Fact]
    public async Task Export_OfStoredContent_IsHadOnceADay_AndTheRestAtAnyTime()
    {
        await using var node = await TestNode.StartAsync();
        using var ada = await JoinAsync(node, "ada-often");
        await ada.UploadAsync(new MemoryStream(new byte[100_000]), cancellationToken: Stop);
        using var first = new MemoryStream();
        await ada.ExportMeAsync(first, Stop);
        first.Length.ShouldBeGreaterThan(100_000);

        var refused = await Should.ThrowAsync<StoaException>(() => ada.ExportMeAsync(new MemoryStream(), Stop));

        (refused.Code, refused.Problem.Status).ShouldBe(("rateLimited", 429));
        refused.Problem.Detail.ShouldContain("content=false");
        for (var times = 0; times < 3; times++)
        {
            using var rest = new MemoryStream();
            await ada.ExportMeAsync(rest, withContent: false, Stop);
            var lines = Encoding.UTF8.GetString(rest.ToArray()).TrimEnd('\n').Split('\n').Select(line => (string)JsonNode.Parse(line)!["kind"]!).ToList();
            lines.ShouldContain("users");
            lines.ShouldNotContain("content");
        }
    }

    [Fact]
    public async Task Export_ByASessionThatIsEnded_BreaksOff_AndIsTheOnlyOneOfItsPerson()
    {
        const int Size = 48 << 20;
        await using var node = await TestNode.StartAsync();
        using var ada = await JoinAsync(node, "ada-stolen");
        var content = new byte[Size];
        new Random(1).NextBytes(content);
        await ada.UploadAsync(new MemoryStream(content), cancellationToken: Stop);
        using var anyone = new StoaClient(node.Client.Options with { ApiKey = null });
        var stolen = await anyone.LoginAsync(new LoginRequest("ada-stolen", Password), Stop);
        using var http = new HttpClient { BaseAddress = node.Client.Options.Address };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/users/me/export");
        request.Headers.Authorization = new("Bearer", stolen.Token);
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
        answer.EnsureSuccessStatusCode();
        await using var body = await answer.Content.ReadAsStreamAsync(Stop);
        var buffer = new byte[64 << 10];
        var received = (long)await body.ReadAsync(buffer, Stop);
        (await RestAsync()).ShouldBe("rateLimited");

        await ada.EndSessionAsync(stolen.SessionId, Stop);

        // The export is over when the person may have another one.
        await Eventually.IsSoAsync(async () => await RestAsync() is null);
        await Should.ThrowAsync<IOException>(async () =>
        {
            while (await body.ReadAsync(buffer, Stop) is > 0 and var count)
                received += count;
        });
        received.ShouldBeLessThan(Size);

        async Task<string?> RestAsync()
        {
            try
            {
                await ada.ExportMeAsync(new MemoryStream(), withContent: false, Stop);
                return null;
            }
            catch (StoaException refused)
            {
                return refused.Code;
            }
        }
    }

    private static async Task<StoaClient> JoinAsync(TestNode node, string handle)
    {
        using var anyone = new StoaClient(node.Client.Options with { ApiKey = null });
        await anyone.RegisterAsync(new RegisterRequest(handle, $"{handle}@example.org", Password), Stop);
        var session = await anyone.LoginAsync(new LoginRequest(handle, Password), Stop);
        await node.Client.DepositAsync(new DepositRequest(handle, "1"), Stop);
        return new StoaClient(node.Client.Options with { ApiKey = session.Token });
    }

    /// <summary>Does a little of everything, and answers the secrets that came of it.</summary>
    private static async Task<IReadOnlyList<string>> LeaveTracesAsync(StoaClient client, string agent, string who)
    {
        var key = await client.CreateApiKeyAsync(new CreateApiKeyRequest($"{who}-key"), Stop);
        await client.UploadAsync(new MemoryStream(Encoding.UTF8.GetBytes($"{who}-upload")), cancellationToken: Stop);
        var request = new SubmitTaskRequest(agent, new TaskInputBody(Text: $"{who}-input"));
        var task = await client.SubmitTextAsync(agent, $"{who}-input", new SubmitOptions { Wait = TimeSpan.FromSeconds(60) }, Stop);
        task.State.ShouldBe("succeeded");
        await client.CreateTemplateAsync(new CreateTemplateRequest($"{who}-template", request, []), cancellationToken: Stop);
        await client.CreateScheduleAsync(new CreateScheduleRequest("0 0 1 1 *", Task: request, Name: $"{who}-schedule"), cancellationToken: Stop);
        var hook = await client.CreateWebhookAsync(new CreateWebhookRequest("http://127.0.0.1:1/", ["stoa.task.succeeded"], $"{who}-hook"), cancellationToken: Stop);
        await client.ReviewTaskAsync(task.Id, 4, $"{who}-review", Stop);
        return [key.Secret!, hook.Secret!, Password];
    }
}
