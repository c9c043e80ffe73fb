using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Observability;

/// <summary>What is secret is in no log line, no trace, no metric and no problem that the node answers.</summary>
public sealed class SecretsTests
{
    private const string Password = "recognisable-password-4711";
    private const string MailPassword = "recognisable-mail-password-4712";
    private const string Typo = "recognisable-typo-4713";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Node_ThatSeesManySecrets_TellsNone()
    {
        var traced = new StringBuilder();
        using var listener = Listen(traced);
        var answered = new StringBuilder();
        var log = new NodeLog();
        await using var node = await RunningNode.StartAsync(
            [.. log.Options, "--mail:host", "127.0.0.1", "--mail:port", "1", "--mail:user", "stoa", "--mail:password", MailPassword, "--mail:from", "stoa@example.org", "--mail:security", "none"]);
        var secrets = new List<string> { Password, MailPassword, Typo, node.AdminKey };

        async Task<string> SendAsync(HttpClient client, HttpMethod method, string path, string? json = null)
        {
            using var request = new HttpRequestMessage(method, path);
            if (json is not null)
                request.Content = new StringContent(json, Encoding.UTF8, "application/json");
            using var response = await client.SendAsync(request, Stop);
            var body = await response.Content.ReadAsStringAsync(Stop);
            // What is made is told once, to who made it; a refusal never tells what it was given.
            if ((int)response.StatusCode >= 400)
                answered.Append(body);
            return body;
        }

        // Whom an administrator registers need not prove the address first; the other one gets a letter that no server takes.
        await SendAsync(node.Admin, HttpMethod.Post, "/api/v1/users", $$"""{"handle":"ada","email":"ada@example.org","password":"{{Password}}"}""");
        await SendAsync(node.Anonymous, HttpMethod.Post, "/api/v1/users", $$"""{"handle":"eve","email":"eve@example.org","password":"{{Password}}"}""");
        await SendAsync(node.Anonymous, HttpMethod.Post, "/api/v1/users", $$"""{"handle":"ada","email":"x","password":"{{Typo}}","extra":"{{Typo}}"}""");
        await SendAsync(node.Anonymous, HttpMethod.Post, "/api/v1/sessions", $$"""{"login":"{{Typo}}","password":"{{Typo}}"}""");
        await SendAsync(node.Anonymous, HttpMethod.Post, "/api/v1/sessions", $$"""{"login":"ada","password":["{{Typo}}"]}""");
        await SendAsync(node.Anonymous, HttpMethod.Post, "/api/v1/sessions", $$"""{"login":"ada","password":"{{Typo}}""");
        var session = JsonDocument.Parse(await SendAsync(node.Anonymous, HttpMethod.Post, "/api/v1/sessions", $$"""{"login":"ada","password":"{{Password}}"}""")).RootElement;
        var token = session.GetProperty("token").GetString()!;
        secrets.AddRange([token, session.GetProperty("refreshToken").GetString()!]);
        using var ada = node.NewClient(token);
        var key = JsonDocument.Parse(await SendAsync(ada, HttpMethod.Post, "/api/v1/api-keys", """{"name":"k"}""")).RootElement.GetProperty("secret").GetString()!;
        secrets.Add(key);
        using var byKey = node.NewClient(key);
        await SendAsync(byKey, HttpMethod.Get, "/api/v1/wallet");
        await SendAsync(byKey, HttpMethod.Post, "/api/v1/deposits", """{"handle":"ada","amount":"1"}""");
        using var wrong = node.NewClient(Typo);
        await SendAsync(wrong, HttpMethod.Get, "/api/v1/wallet");
        await SendAsync(wrong, HttpMethod.Post, "/api/v1/deposits", $$"""{"handle":"{{Typo}}"}""");
        secrets.Add(JsonDocument.Parse(await SendAsync(ada, HttpMethod.Post, "/api/v1/webhooks", """{"url":"https://example.org/hook"}""")).RootElement.GetProperty("secret").GetString()!);
        await SignAsync(node, ada, secrets);
        await SendAsync(ada, HttpMethod.Delete, $"/api/v1/api-keys/{JsonDocument.Parse(await SendAsync(ada, HttpMethod.Get, "/api/v1/api-keys")).RootElement.GetProperty("items")[0].GetProperty("id").GetString()}");
        // A broken world is logged with all that is known of it.
        await node.Service<Stoa.Node.Storage.Database>().DisposeAsync();
        await SendAsync(node.Anonymous, HttpMethod.Post, "/api/v1/sessions", $$"""{"login":"ada","password":"{{Password}}"}""");

        var logged = log.Text;
        logged.ShouldNotBeEmpty();
        string spans;
        // Other tests' nodes go on being traced.
        lock (traced)
            spans = traced.ToString();
        spans.ShouldNotBeEmpty();
        var metrics = await node.Anonymous.GetStringAsync("/metrics", Stop);
        foreach (var secret in secrets)
        {
            logged.ShouldNotContain(secret);
            spans.ShouldNotContain(secret);
            metrics.ShouldNotContain(secret);
            answered.ToString().ShouldNotContain(secret);
        }

        log.Close();
    }

    [Theory]
    [InlineData("key stoa_abcdef… was used", 0)]
    [InlineData("Bearer stoa_abcdefghijklmnopqrstuvwxyz234567abcdefgh", 1)]
    [InlineData("secret whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", 1)]
    [InlineData("sk_test_4eC39HqLyjWDarjtT1zdp7dc and sk_live_4eC39HqLyjWDarjtT1zdp7dc", 2)]
    [InlineData("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", 1)]
    [InlineData("-----BEGIN PRIVATE KEY-----", 1)]
    public void Log_WithSecrets_IsFound(string text, int count) => NodeLog.SecretsIn(text).Count.ShouldBe(count);

    private static async Task SignAsync(RunningNode node, HttpClient ada, List<string> secrets)
    {
        using var pair = PrivateKey.Generate();
        secrets.Add(Convert.ToBase64String(pair.ToPkcs8()));
        var me = (await ada.GetFromJsonAsync("/api/v1/users/me", StoaJson.Default.UserResponse, Stop))!;
        using var made = await ada.PostAsJsonAsync(
            "/api/v1/signing-keys", RequestSigningKey.Registration("k", pair, me.Id), StoaJson.Default.RegisterSigningKeyRequest, Stop);
        var registered = (await made.Content.ReadFromJsonAsync(StoaJson.Default.SigningKeyResponse, Stop))!;
        using var signing = new StoaClient(new StoaClientOptions { Address = node.Started.Address, SigningKey = new RequestSigningKey(registered.Id, pair) });
        (await signing.GetMeAsync(Stop)).Handle.ShouldBe("ada");
    }

    /// <summary>Takes down all that any span says.</summary>
    private static ActivityListener Listen(StringBuilder traced)
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                lock (traced)
                {
                    traced.Append(activity.DisplayName).Append(' ').Append(activity.StatusDescription).Append(' ')
                        .AppendJoin(' ', activity.TagObjects.Concat(activity.Baggage.Select(pair => new KeyValuePair<string, object?>(pair.Key, pair.Value))))
                        .AppendJoin(' ', activity.Events.SelectMany(happened => happened.Tags))
                        .Append('\n');
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }
}
