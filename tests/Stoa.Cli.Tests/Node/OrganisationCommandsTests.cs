using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Tests.Node;

/// <summary>Organisations and bounded keys by the command line, on a node.</summary>
[Collection(RealNode.Turns)]
public sealed class OrganisationCommandsTests(RealNode node) : IDisposable
{
    private readonly TestCli _cli = node.Cli();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Organisation_LivesByTheCommandLine()
    {
        using var grace = await MemberAsync("grace");
        await RunAsync("organisation create acme Acme-Research");
        _cli.Output.ShouldContain("Acme-Research");
        await RunAsync("organisation list");
        _cli.Output.ShouldContain("acme");
        await RunAsync("organisation invite acme grace --role developer");
        var invitation = _cli.Output.Trim();
        _cli.Error.ShouldContain($"stoa organisation accept {invitation}");
        await RunAsync($"organisation accept {invitation}", grace);
        await RunAsync("organisation members acme --json");
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items").GetArrayLength().ShouldBe(2);
        await RunAsync("organisation role acme grace viewer");
        _cli.Output.ShouldContain("grace is viewer of acme.");
        await RunAsync("wallet --organisation acme", grace);
        (await grace.RunAsync("key create more --organisation acme")).ShouldBe(ExitCode.NotAuthorized);
        grace.Error.ShouldContain("keys:manage");
        (await _cli.RunAsync("organisation leave acme")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("only administrator");
        await RunAsync("organisation leave acme", grace);
        await RunAsync("organisation rename acme Acme");
        await RunAsync("organisation limit acme --tokens-per-minute 200000 --calls-per-minute 600");
        _cli.Output.ShouldContain("600 requests a minute, 200,000 tokens a minute");
        await RunAsync("organisation limit acme");
        _cli.Output.ShouldContain("without limits");
        await RunAsync("organisation delete acme");
        (await _cli.RunAsync("organisation show acme")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("stoa organisation list");
    }

    [Fact]
    public async Task Invitation_ByEmail_IsShownWithItsCode_AndCanBeWithdrawnOrDeclined()
    {
        using var bob = await MemberAsync("bob");
        await RunAsync("organisation create letters");
        await RunAsync("organisation invite letters nobody@example.org");
        _cli.Error.ShouldContain("--code join_");
        await RunAsync($"organisation withdraw letters {_cli.Output.Trim()}");
        await RunAsync("organisation invite letters bob");
        var invitation = _cli.Output.Trim();
        await RunAsync("organisation invitations", bob);
        bob.Output.ShouldContain(invitation);
        await RunAsync($"organisation decline {invitation}", bob);
        await RunAsync("organisation invitations letters --json");
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task Use_HasTheCommandsActForIt_UntilItSaysOtherwise()
    {
        await RunAsync("organisation create daily");
        _cli.Variables.Remove("STOA_KEY");
        await RunAsync($"login --key {node.Key}");
        await RunAsync("organisation use daily");
        await RunAsync("status");
        _cli.Output.ShouldContain("daily (organisation)");
        _cli.Output.ShouldMatch(@"Person\s+stoa");
        await RunAsync("organisation use");
        await RunAsync("status");
        _cli.Output.ShouldContain("stoa (admin)");
        (await _cli.RunAsync("organisation use there-is-none")).ShouldBe(ExitCode.Refused);
    }

    [Fact]
    public async Task Key_IsMadeWithBounds_AndShowsThem()
    {
        await RunAsync("key create bounded --scope tasks:read --scope tasks:submit --spend-per-day 2.50 --calls-per-minute 100 --tokens-per-minute 5000 --expires 2100-01-01");
        var secret = _cli.Output.Trim();
        await RunAsync("key list --json");
        var key = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items").EnumerateArray().Single(one => one.GetProperty("name").GetString() == "bounded");
        (key.GetProperty("spendPerDay").GetString(), key.GetProperty("spentToday").GetString(), key.GetProperty("callsPerMinute").GetInt32()).ShouldBe(("2.500000000", "0.000000000", 100));
        key.GetProperty("tokensPerMinute").GetInt32().ShouldBe(5_000);
        (await _cli.RunAsync(["wallet", "--key", secret])).ShouldBe(ExitCode.NotAuthorized);
        _cli.Error.ShouldContain("wallet:read");
        await RunAsync($"status --key {secret}");
        await RunAsync("key list");
        _cli.Output.ShouldContain("tasks:read");
        (await _cli.RunAsync("key create wrong --scope everything")).ShouldNotBe(ExitCode.Ok);
        _cli.Error.ShouldContain("--scope");
    }

    private async Task RunAsync(string commandLine, TestCli? cli = null)
    {
        cli ??= _cli;
        (await cli.RunAsync(commandLine)).ShouldBe(ExitCode.Ok, $"{commandLine}: {cli.Error}");
    }

    /// <summary>A command line as somebody who has just registered.</summary>
    private async Task<TestCli> MemberAsync(string handle)
    {
        using var anyone = new StoaClient(new StoaClientOptions { Address = node.Address });
        await anyone.RegisterAsync(new RegisterRequest(handle, $"{handle}@example.org", "correct horse battery"), Cancellation);
        var cli = node.Cli();
        cli.Variables["STOA_KEY"] = (await anyone.LoginAsync(new LoginRequest(handle, "correct horse battery"), Cancellation)).Token;
        return cli;
    }
}
