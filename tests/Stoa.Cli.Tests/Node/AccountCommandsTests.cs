using System.Text;
using System.Text.Json;
using Stoa.Cli.Connection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Identity.SecondFactor;
using Stoa.Market.Identity.SignIn;
using Stoa.Primitives;

namespace Stoa.Cli.Tests.Node;

/// <summary>A person who registers, signs in and out, and looks after the account, by commands alone.</summary>
[Collection(RealNode.Turns)]
public sealed class AccountCommandsTests(RealNode node) : IDisposable
{
    private const string Password = "a long enough password";

    private readonly TestCli _cli = new();
    private readonly string _handle = "person-" + Guid.NewGuid().ToString("n")[..8];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private ConfigFile Config => ConfigFile.Read(_cli.ConfigDirectory);

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Person_RegistersSignsInAndOut()
    {
        await RegisterAndLoginAsync();

        Config.Key.ShouldBeNull();
        (await OutputAsync("account show --json")).ShouldContain(_handle);
        (await OutputAsync("status")).ShouldContain(_handle);
        (await OutputAsync("session list")).ShouldContain("stoa-cli");
        File.ReadAllText(ConfigFile.PathIn(_cli.ConfigDirectory)).ShouldNotContain(Password);

        var session = Config.Session!;
        (await OutputAsync("logout")).ShouldContain("Signed out.");
        File.Exists(ConfigFile.PathIn(_cli.ConfigDirectory)).ShouldBeFalse();
        using var client = new StoaClient(new StoaClientOptions { Address = node.Address, ApiKey = session.Token });
        (await Should.ThrowAsync<StoaException>(() => client.GetMeAsync(Stop))).Code.ShouldBe("unauthenticated");
        (await RefusedAsync($"account show --address {node.Address}", ExitCode.NotAuthorized)).ShouldContain("who is calling");
    }

    [Fact]
    public async Task EndedAccessToken_IsRefreshedByItself_OnceForManyProcessesAtOnce()
    {
        await RegisterAndLoginAsync();
        Expire();

        var surroundings = _cli.Surroundings();
        var exitCodes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
            new StoaCommandLine(surroundings with { Out = new StringWriter(), Error = new StringWriter() }).RunAsync(["account", "show", "--json"], Stop))));

        exitCodes.ShouldAllBe(code => code == ExitCode.Ok);
        RefreshToken.TryParse(Config.Session!.RefreshToken, out var token).ShouldBeTrue();
        token!.Generation.ShouldBe(2);
        if (!OperatingSystem.IsWindows())
            File.GetUnixFileMode(ConfigFile.PathIn(_cli.ConfigDirectory)).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public async Task SessionThatWasEndedElsewhere_IsSaidWithWhatToDo()
    {
        await RegisterAndLoginAsync();
        using var elsewhere = new StoaClient(new StoaClientOptions { Address = node.Address, ApiKey = Config.Session!.Token });
        await elsewhere.EndAllSessionsAsync(Stop);

        (await RefusedAsync("wallet", ExitCode.NotAuthorized)).ShouldContain("stoa login");
        Expire();
        (await RefusedAsync("wallet", ExitCode.NotAuthorized)).ShouldContain("You have signed out of this session");
        (await OutputAsync("logout")).ShouldContain("Signed out.");
    }

    [Fact]
    public async Task Account_IsErased_AndThatIsUndone()
    {
        await RegisterAndLoginAsync();

        (await OutputAsync("account erase --check")).ShouldContain("Nothing is in the way.");
        (await RefusedAsync("account erase --password-stdin", ExitCode.NotAuthorized, "wrong\n")).ShouldContain("present password");
        (await OutputAsync("account erase --password-stdin", Password + "\n")).ShouldContain("All that is stored about you is erased at");
        (await RefusedAsync("wallet", ExitCode.NotAuthorized)).ShouldContain("stoa login");
        (await RefusedAsync($"login --handle {_handle} --password-stdin", ExitCode.NotAuthorized, Password)).ShouldContain("erased");
        (await RefusedAsync("account erase --undo --password-stdin", ExitCode.Usage, Password + "\n")).ShouldContain("--handle");
        (await OutputAsync($"account erase --undo --handle {_handle} --password-stdin", Password + "\n")).ShouldContain("The account stays.");
        await LoginAsync();
        (await OutputAsync("account show --json")).ShouldContain(_handle);
    }

    [Fact]
    public async Task SecondFactorOfAUser_IsNotRemovedByAnybodyElse()
    {
        await RegisterAndLoginAsync();

        (await RefusedAsync("account totp remove stoa", ExitCode.NotAuthorized)).ShouldContain("administrator");
    }

    [Fact]
    public async Task ForgottenPassword_IsSetAnewByTheCodeOfAnAdministrator()
    {
        const string next = "another long password";
        await RegisterAndLoginAsync();
        (await RefusedAsync("account reset-password stoa", ExitCode.NotAuthorized)).ShouldContain("administrator");
        using var admin = node.Cli();
        (await admin.RunAsync($"account reset-password {_handle}@example.org --json")).ShouldBe(ExitCode.Ok, admin.Error);
        var made = JsonSerializer.Deserialize(admin.Output, StoaJson.Default.PasswordResetCodeResponse)!;

        (await OutputAsync($"account recover {made.Email} --code {made.Code} --password-stdin --address {node.Address}", next)).ShouldContain("The password is set.");

        (await RefusedAsync("account show", ExitCode.NotAuthorized)).ShouldContain("who is calling");
        (await OutputAsync($"login --handle {_handle} --password-stdin --address {node.Address}", next)).ShouldContain("Signed in");
    }

    [Fact]
    public async Task Sessions_AreRevokedOneByOneAndEverywhere()
    {
        await RegisterAndLoginAsync();
        var first = Config.Session!;
        await LoginAsync();

        (await OutputAsync($"session revoke {first.Id}")).ShouldContain("is ended");
        (await OutputAsync("session list --json")).ShouldNotContain(first.Id);
        (await RefusedAsync($"session revoke {first.Id}", ExitCode.Refused)).ShouldContain("stoa session list");
        (await OutputAsync("logout --everywhere")).ShouldContain("everywhere");
    }

    [Fact]
    public async Task Password_IsChangedByBothOnStandardInput()
    {
        await RegisterAndLoginAsync();

        (await RefusedAsync("account password --password-stdin", ExitCode.NotAuthorized, "wrong\nanother long password\n")).ShouldContain("present password");
        (await RefusedAsync("account password --password-stdin", ExitCode.Refused, $"{Password}\nshort\n")).ShouldContain("12 to 128 characters");
        (await OutputAsync("account password --password-stdin", $"{Password}\nanother long password\n")).ShouldContain("is changed");

        (await RefusedAsync($"login --handle {_handle} --password-stdin", ExitCode.NotAuthorized, Password)).ShouldContain("password");
        (await OutputAsync($"login --handle {_handle} --password-stdin", "another long password\n")).ShouldContain(_handle);
    }

    [Fact]
    public async Task Authenticator_IsEnrolledAskedForAndRemoved()
    {
        await RegisterAndLoginAsync();
        var totp = JsonSerializer.Deserialize(await OutputAsync("account totp enable --json --password-stdin", Password), StoaJson.Default.TotpResponse)!;

        var recovery = (await OutputAsync($"account totp confirm {CodeOf(totp, 0)}")).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        recovery.Length.ShouldBe(10);
        (await OutputAsync("account show")).ShouldContain("10 recovery codes left");
        (await RefusedAsync($"login --handle {_handle} --password-stdin", ExitCode.NotAuthorized, Password)).ShouldContain("--code");
        (await OutputAsync($"login --handle {_handle} --password-stdin --code {recovery[0]}", Password)).ShouldContain(_handle);
        (await OutputAsync($"account totp codes {recovery[1]}")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(10);
        (await OutputAsync($"account totp disable {CodeOf(totp, 1)} --password-stdin", Password)).ShouldContain("no second factor");
    }

    [Fact]
    public async Task Password_IsNeverOfTheCommandLine_AndNeedsATerminal()
    {
        (await RefusedAsync($"register {_handle} {_handle}@example.org", ExitCode.Usage)).ShouldContain("--password-stdin");
        (await RefusedAsync($"login --handle {_handle} --password {Password.Split(' ')[0]}", ExitCode.Usage)).ShouldContain("has no option '--password'");
    }

    [Fact]
    public async Task Letters_AreRefusedWhereTheNodeSendsNone()
    {
        (await RefusedAsync($"account verify ada@example.org --address {node.Address}", ExitCode.Refused)).ShouldContain("sends no e-mail");
        (await RefusedAsync($"account recover ada@example.org --address {node.Address}", ExitCode.Refused)).ShouldContain("sends no e-mail");
    }

    [Fact]
    public async Task TokenSource_GivesTheTokenOfEachCall()
    {
        await RegisterAndLoginAsync();
        var asked = 0;
        using var client = new StoaClient(new StoaClientOptions
        {
            Address = node.Address,
            TokenSource = _ => ValueTask.FromResult(Interlocked.Increment(ref asked) == 1 ? "stoa_wrong" : Config.Session!.Token),
        });

        (await Should.ThrowAsync<StoaException>(() => client.GetMeAsync(Stop))).Code.ShouldBe("unauthenticated");
        (await client.GetMeAsync(Stop)).Handle.ShouldBe(_handle);
        (await client.GetSigningKeysAsync(Stop)).Keys.ShouldNotBeEmpty();
        var next = await client.RefreshSessionAsync(new RefreshSessionRequest(Config.Session!.RefreshToken), Stop);
        next.SessionId.ShouldBe(Config.Session.Id);
    }

    private async Task RegisterAndLoginAsync()
    {
        (await OutputAsync($"register {_handle} {_handle}@example.org --password-stdin --address {node.Address}", Password + "\n")).ShouldContain("is registered");
        await LoginAsync();
    }

    private async Task LoginAsync() =>
        (await OutputAsync($"login --handle {_handle} --password-stdin --address {node.Address}", Password)).ShouldContain("Signed in");

    private void Expire() => (Config with { Session = Config.Session! with { ExpiresAt = DateTimeOffset.UtcNow } }).Write(_cli.ConfigDirectory);

    private static string CodeOf(TotpResponse totp, int stepsAhead)
    {
        Base32.TryDecode(totp.Secret.ToLowerInvariant(), out var secret).ShouldBeTrue();
        return Totp.Compute(secret, Totp.StepOf(DateTimeOffset.UtcNow) + stepsAhead);
    }

    private async Task<string> OutputAsync(string commandLine, string input = "")
    {
        (await _cli.RunAsync(commandLine, Encoding.UTF8.GetBytes(input))).ShouldBe(ExitCode.Ok, _cli.Output + _cli.Error);
        return _cli.Output;
    }

    private async Task<string> RefusedAsync(string commandLine, int exitCode, string input = "")
    {
        (await _cli.RunAsync(commandLine, Encoding.UTF8.GetBytes(input))).ShouldBe(exitCode, _cli.Output + _cli.Error);
        return _cli.Error;
    }
}
