using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client.Contracts;
using Stoa.Market.Audit;
using Stoa.Node.Audit;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Audit;

public sealed class AuditEndpointsTests(SharedNode shared) : IClassFixture<SharedNode>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryEndpoint_ThatCanChangeSomething_LeavesAnEntry()
    {
        // The endpoints of the real wiring, each answered with success by the middleware's neighbour, so that none needs a world of its own.
        var endpoints = shared.Node.Service<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>() is { } methods && methods.HttpMethods.Any(IsAct)).ToList();
        // What models are asked, by accounts or out of payment channels, is told by usage, and is no act: so little is left out of the log, and no more.
        var asked = endpoints.Where(endpoint => endpoint.Metadata.GetMetadata<AuditMark>() is { IsNoAct: true }).ToList();
        asked.Select(endpoint => endpoint.RoutePattern.RawText).Order().ShouldBe(
        [
            "/api/v1/model-calls/chat/completions", "/api/v1/model-calls/completions", "/api/v1/model-calls/embeddings",
            "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages", "/v1/responses",
        ]);
        endpoints = [.. endpoints.Except(asked)];
        endpoints.Count.ShouldBeGreaterThan(40);
        var walked = new List<string>();
        foreach (var endpoint in endpoints)
        {
            foreach (var method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Where(IsAct))
            {
                var trace = Guid.NewGuid().ToString("n");
                var context = new DefaultHttpContext { RequestServices = shared.Node.Service<IServiceProvider>(), TraceIdentifier = trace };
                context.Request.Method = method;
                context.Response.Body = new MemoryStream();
                context.SetEndpoint(endpoint);
                var middleware = ActivatorUtilities.CreateInstance<AuditMiddleware>(
                    context.RequestServices, (RequestDelegate)(_ => Task.CompletedTask));

                await middleware.InvokeAsync(context);

                walked.Add($"{endpoint.Metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName} {trace}");
            }
        }

        var written = await WaitForAsync(entries => walked.All(walk => entries.Any(entry => $"{entry.Act} {entry.TraceId}" == walk)));
        walked.Where(walk => !written.Any(entry => $"{entry.Act} {entry.TraceId}" == walk)).ShouldBeEmpty();
        walked.Where(walk => walk.StartsWith(' ')).ShouldBeEmpty("an endpoint has no name");
    }

    [Fact]
    public async Task Pipeline_PutsTheLogAroundEveryRequest()
    {
        using var ada = await shared.Node.NewMemberAsync("ada-audit");
        var made = await RunningNode.ReadAsync<ApiKeyResponse>(await ada.PostAsJsonAsync("/api/v1/api-keys", new { name = "secret name" }, Stop));
        using var byKey = shared.Node.NewClient(made.Secret);
        (await byKey.DeleteAsync($"/api/v1/api-keys/{made.Id}", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        // No waiting: what identity, money and administration do is written before it is answered.
        var entries = await ListAsync(ada, "");
        var me = await RunningNode.ReadAsync<UserResponse>(await ada.GetAsync("/api/v1/users/me", Stop));
        entries.Select(entry => (entry.Act, entry.Status, entry.Credential, entry.Subject)).ShouldBe(
        [
            ("revokeApiKey", 204, $"key {made.Prefix}", made.Id),
            ("createApiKey", 201, "session", made.Id),
            ("createSession", 201, null, me.Id),
            ("registerUser", 201, null, me.Id),
        ]);
        entries.ShouldAllBe(entry => entry.Actor == me.Id && entry.Address == "127.0.0.0/24" && entry.TraceId != null);
        (await ada.GetStringAsync("/api/v1/audit.jsonl", Stop)).ShouldNotContain("secret name");
    }

    [Fact]
    public async Task Refusals_OfSignInsAndOfAdministration_AreWrittenDown_OthersAreNot()
    {
        using var eve = await shared.Node.NewMemberAsync("eve-audit");
        var before = (await ListAsync(shared.Node.Admin, "?limit=1"))[0].Entry;
        (await shared.Node.Anonymous.PostAsJsonAsync("/api/v1/sessions", new { login = "eve-audit", password = "not the right one" }, Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await eve.PostAsJsonAsync("/api/v1/deposits", new { handle = "eve-audit", amount = "5" }, Stop)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await shared.Node.Anonymous.PostAsJsonAsync("/api/v1/deposits", new { handle = "eve-audit", amount = "5" }, Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        using var wrong = shared.Node.NewClient("stoa_nonsense");
        (await wrong.PutAsJsonAsync("/api/v1/users/eve-audit/quota", new { }, Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await eve.DeleteAsync("/api/v1/webhooks/hook_01m81g2d3vf0a1b2c3d4e5f6g7", Stop)).StatusCode.ShouldBe(HttpStatusCode.NotFound);

        var written = (await WaitForAsync(entries => entries.Count(entry => entry.Entry > before) >= 4)).Where(entry => entry.Entry > before).OrderBy(entry => entry.Entry);

        written.Select(entry => (entry.Act, entry.Status)).ShouldBe([("createSession", 401), ("createDeposit", 403), ("createDeposit", 401), ("setUserQuota", 401)]);
        written.ShouldAllBe(entry => entry.Act == "createDeposit" && entry.Status == 403 ? entry.Actor != null : entry.Actor == null);
    }

    [Fact]
    public async Task Entries_OfOthers_AreForAdministratorsOnly()
    {
        using var mia = await shared.Node.NewMemberAsync("mia-audit");
        using var max = await shared.Node.NewMemberAsync("max-audit");
        var maxId = (await RunningNode.ReadAsync<UserResponse>(await max.GetAsync("/api/v1/users/me", Stop))).Id;

        (await ListAsync(mia, "")).ShouldAllBe(entry => entry.Actor != maxId);
        (await mia.GetAsync($"/api/v1/audit?actor={maxId}", Stop)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await mia.GetAsync($"/api/v1/audit.csv?actor={maxId}", Stop)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await mia.GetStringAsync("/api/v1/audit.jsonl", Stop)).ShouldNotContain(maxId);
        (await shared.Node.Anonymous.GetAsync("/api/v1/audit", Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await ListAsync(shared.Node.Admin, $"?actor={maxId}&act=createSession")).ShouldHaveSingleItem().Actor.ShouldBe(maxId);
    }

    [Fact]
    public async Task Entries_OfAnOrganisation_AreForItsAdministrators()
    {
        using var boss = await shared.Node.NewMemberAsync("boss-audit");
        using var devi = await shared.Node.NewMemberAsync("devi-audit");
        using var vera = await shared.Node.NewMemberAsync("vera-audit");
        (await boss.PostAsJsonAsync("/api/v1/organisations", new { handle = "org-audit", name = "x" }, Stop)).EnsureSuccessStatusCode();
        foreach (var (client, handle, role) in new[] { (devi, "devi-audit", "developer"), (vera, "vera-audit", "viewer") })
        {
            var invitation = await RunningNode.ReadAsync<InvitationResponse>(
                await boss.PostAsJsonAsync("/api/v1/organisations/org-audit/invitations", new { handle, role }, Stop));
            (await client.PostAsJsonAsync($"/api/v1/invitations/{invitation.Id}/acceptance", new { }, Stop)).EnsureSuccessStatusCode();
        }

        (await boss.PutAsJsonAsync("/api/v1/organisations/org-audit/members/vera-audit", new { role = "viewer" }, Stop)).EnsureSuccessStatusCode();
        (await devi.PostAsJsonAsync("/api/v1/api-keys", new { name = "of herself" }, Stop)).EnsureSuccessStatusCode();
        foreach (var client in new[] { boss, devi, vera })
            client.DefaultRequestHeaders.Add(Stoa.Node.Identity.PermissionGate.OrganisationHeader, "org-audit");
        var key = await RunningNode.ReadAsync<ApiKeyResponse>(await devi.PostAsJsonAsync("/api/v1/api-keys", new { name = "of the organisation" }, Stop));

        var entries = await ListAsync(boss, "");

        entries.Select(entry => (entry.Act, entry.ActorHandle)).ShouldBe(
            [("createApiKey", "devi-audit"), ("setMember", "boss-audit"), ("createInvitation", "boss-audit"), ("createInvitation", "boss-audit")]);
        entries[0].Subject.ShouldBe(key.Id);
        // A person is named by the id alone.
        entries[1].Subject.ShouldBe((await RunningNode.ReadAsync<UserResponse>(await OwnAsync(vera, "/api/v1/users/me"))).Id);
        entries.Select(entry => entry.Account).Distinct().ShouldHaveSingleItem().ShouldNotBeNull();
        (await ListAsync(boss, $"?actor={entries[0].Actor}")).ShouldHaveSingleItem().Subject.ShouldBe(key.Id);
        (await boss.GetStringAsync("/api/v1/audit.csv", Stop)).TrimEnd().Split("\r\n").Length.ShouldBe(5);
        (await boss.GetStringAsync("/api/v1/audit.jsonl", Stop)).TrimEnd().Split('\n').Length.ShouldBe(4);
        foreach (var client in new[] { devi, vera })
        {
            foreach (var path in new[] { "/api/v1/audit", "/api/v1/audit.csv", "/api/v1/audit.jsonl" })
                (await client.GetAsync(path, Stop)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
            // What they did themselves they see as before, in whosever name.
            (await RunningNode.ReadAsync<ListResponse<AuditEntryResponse>>(await OwnAsync(client, "/api/v1/audit"))).Items.ShouldNotBeEmpty();
        }

        static async Task<HttpResponseMessage> OwnAsync(HttpClient client, string path)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            var name = Stoa.Node.Identity.PermissionGate.OrganisationHeader;
            client.DefaultRequestHeaders.Remove(name);
            var response = await client.SendAsync(request, Stop);
            client.DefaultRequestHeaders.Add(name, "org-audit");
            return response;
        }
    }

    [Fact]
    public async Task Export_OfTheWholeLog_HoldsAgainstItsCheckpoint()
    {
        using var one = await shared.Node.NewMemberAsync("one-audit");
        var node = (await shared.Node.Admin.GetFromJsonAsync<NodeResponse>("/api/v1/node", Stop))!;
        var envelope = DsseEnvelope.FromJson(await one.GetByteArrayAsync("/api/v1/audit/checkpoint", Stop));
        var checkpoint = AuditCheckpoint.Open(envelope, PeerId.Parse(node.PeerId)).Value;
        using var two = await shared.Node.NewMemberAsync("two-audit");

        var all = await shared.Node.Admin.GetStringAsync("/api/v1/audit.jsonl", Stop);
        var later = await shared.Node.Admin.GetStringAsync($"/api/v1/audit.jsonl?after={checkpoint.Head.Block}", Stop);

        Check(all, checkpoint).Findings.ShouldBeEmpty();
        var rest = Check(later, checkpoint);
        rest.Findings.ShouldBeEmpty();
        (rest.Start, rest.EntryCount > 0).ShouldBe((checkpoint.Head, true));
        Check(all.Replace("createSession", "createSessiom", StringComparison.Ordinal), checkpoint).FindingCount.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task Csv_HasALineForEachEntry()
    {
        using var cec = await shared.Node.NewMemberAsync("cec-audit");

        var lines = (await cec.GetStringAsync("/api/v1/audit.csv", Stop)).TrimEnd().Split("\r\n");

        lines[0].ShouldBe("entry,time,act,status,actor,credential,address,subject,trace,account,handle");
        lines.Length.ShouldBe(3);
        lines.ShouldAllBe(line => line.Split(',').Length == 11);
        lines[1].ShouldEndWith(",cec-audit");
    }

    [Theory]
    [InlineData("--audit:address", "whole", "127.0.0.1")]
    [InlineData("--audit:address", "none", null)]
    public async Task Address_IsKeptAsConfigured(string option, string value, string? kept)
    {
        await using var node = await RunningNode.StartAsync(option, value);
        using var ada = await node.NewMemberAsync("ada");

        (await ListAsync(ada, "")).ShouldAllBe(entry => entry.Address == kept);
    }

    [Fact]
    public async Task Refusals_BeyondTheLimit_AreCountedAndTold()
    {
        var time = new SettableTime(DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));
        await using var node = await RunningNode.StartAsync(new Stoa.Node.Hosting.NodePhysics(time, Random.Shared), "--audit:refusalsPerMinute", "2");
        for (var attempt = 0; attempt < 5; attempt++)
            await node.Anonymous.PostAsJsonAsync("/api/v1/deposits", new { handle = "stoa", amount = "5" }, Stop);
        time.Advance(TimeSpan.FromMinutes(1));
        await node.Anonymous.PostAsJsonAsync("/api/v1/deposits", new { handle = "stoa", amount = "5" }, Stop);

        var entries = await WaitForAsync(node, entries => entries.Count(entry => entry.Act == "createDeposit") == 3);

        entries.Single(entry => entry.Act == AuditLog.RefusalsLeftOut).Subject.ShouldBe("3");
    }

    [Fact]
    public async Task Pruning_LeavesALogThatHolds_AndSaysSoInIt()
    {
        var time = new SettableTime(DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));
        await using var node = await RunningNode.StartAsync(new Stoa.Node.Hosting.NodePhysics(time, Random.Shared), "--audit:keepDays", "30");
        using var old = await node.NewMemberAsync("old");
        var oldId = (await RunningNode.ReadAsync<UserResponse>(await old.GetAsync("/api/v1/users/me", Stop))).Id;
        time.Advance(TimeSpan.FromDays(31));
        using var young = await node.NewMemberAsync("young");
        var care = ActivatorUtilities.CreateInstance<AuditCare>(node.Service<IServiceProvider>());

        var block = await care.PruneAsync(Stop);

        block.ShouldBeGreaterThan(0);
        (await ListAsync(node.Admin, $"?actor={oldId}")).ShouldBeEmpty();
        (await ListAsync(node.Admin, ""))[0].ShouldSatisfyAllConditions(
            entry => entry.Act.ShouldBe(AuditCare.Pruned),
            entry => entry.Subject.ShouldBe(block.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        var check = Check(await node.Admin.GetStringAsync("/api/v1/audit.jsonl", Stop));
        check.Findings.ShouldBeEmpty();
        check.Start.Block.ShouldBe(block);
    }

    [Fact]
    public async Task GatheredEntries_OfANodeThatIsStopped_AreWritten()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-audit-").FullName;
        try
        {
            await using (var node = await RunningNode.StartInAsync(folder, "--audit:gatherMs", "10000"))
            {
                using var content = new ByteArrayContent("hello"u8.ToArray());
                (await node.Admin.PostAsync("/api/v1/blobs", content, Stop)).IsSuccessStatusCode.ShouldBeTrue();
            }

            await using var again = await RunningNode.StartInAsync(folder);
            (await ListAsync(again.Admin, "?act=createBlob")).ShouldHaveSingleItem();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static bool IsAct(string method) => method is not ("GET" or "HEAD" or "OPTIONS");

    private static async Task<IReadOnlyList<AuditEntryResponse>> ListAsync(HttpClient client, string query) =>
        (await RunningNode.ReadAsync<ListResponse<AuditEntryResponse>>(await client.GetAsync($"/api/v1/audit{query}", Stop))).Items;

    private Task<IReadOnlyList<AuditEntryResponse>> WaitForAsync(Func<IReadOnlyList<AuditEntryResponse>, bool> isThere) => WaitForAsync(shared.Node, isThere);

    /// <summary>Gathered entries come within a moment: an entry that is written at once is behind all that were gathered before it.</summary>
    private static async Task<IReadOnlyList<AuditEntryResponse>> WaitForAsync(RunningNode node, Func<IReadOnlyList<AuditEntryResponse>, bool> isThere)
    {
        (await node.Service<AuditLog>().WriteAsync(new AuditAct(DateTimeOffset.UnixEpoch, "testEnds", 200))).ShouldBeTrue();
        var entries = (await ListAsync(node.Admin, "?limit=200")).Where(entry => entry.Act != "testEnds").ToList();
        isThere(entries).ShouldBeTrue(JsonSerializer.Serialize(entries));
        return entries;
    }

    private static AuditCheck Check(string file, params AuditCheckpoint[] checkpoints)
    {
        var check = new AuditCheck(checkpoints);
        foreach (var line in file.TrimEnd('\n').Split('\n'))
            check.Add(Encoding.UTF8.GetBytes(line));
        check.Close();
        return check;
    }
}
