using System.Net;
using System.Net.Http.Json;
using Stoa.Client.Contracts;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Storage;

namespace Stoa.Node.Tests.SingleSignOn;

/// <summary>A sign-in that two nodes of a cell share: begun at one, answered at the other, and its code taken at the first again.</summary>
[Trait("needs", "postgres")]
public sealed class CellSignOnTests(PostgresCluster cluster)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SignIn_GoesOnAtAnyNode()
    {
        await using var source = new PostgresSource(cluster);
        string[] options = [.. SignOnCase.Options, "--Storage:Provider", "Postgres", "--Storage:ConnectionString", (await source.GetOptionsAsync()).ConnectionString!];
        await using var here = await RunningNode.StartAsync(options);
        await using var there = await RunningNode.StartAsync(options);
        await using var provider = await FakeProvider.StartAsync();
        using var boss = await here.NewMemberAsync("boss");
        (await boss.PostAsJsonAsync("/api/v1/organisations", new { handle = "acme", name = "Acme" }, Stop)).EnsureSuccessStatusCode();
        await SignOnCase.SetProviderAsync(boss, "acme", provider);
        using var browser = new Browser { Node = here };
        var client = new SignOnProgram();

        var answer = provider.Login(await SignOnCase.BeginAsync(browser, client));
        browser.Node = there;
        using var page = await browser.GetAsync(answer);
        var code = SignOnCase.CodeOf(await page.Content.ReadAsStringAsync(Stop));

        using var redeemed = await here.Anonymous.PostAsJsonAsync("/api/v1/sessions/single-sign-on", new { code, verifier = client.Verifier }, Stop);
        var session = await RunningNode.ReadAsync<SessionResponse>(redeemed);
        using var grace = there.NewClient(session.Token);
        (await RunningNode.ReadAsync<UserResponse>(await grace.GetAsync("/api/v1/users/me", Stop))).Handle.ShouldBe("grace-hopper");
        using var again = await there.Anonymous.PostAsJsonAsync("/api/v1/sessions/single-sign-on", new { code, verifier = client.Verifier }, Stop);
        again.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }
}
