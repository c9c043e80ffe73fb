using System.Net;
using Stoa.Client.Contracts;
using Stoa.Node.Hosting;
using Stoa.Node.Storage;

namespace Stoa.Node.Tests.Hosting;

[Trait("speed", "slow")]
public sealed class NodeHostTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-host-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task FirstStart_MakesAnAdministratorWithAKeyAndCredit()
    {
        await using var node = await RunningNode.StartInAsync(_folder);

        node.Started.AdminKey.ShouldBe(node.AdminKey);
        var me = await RunningNode.ReadAsync<UserResponse>(await node.Admin.GetAsync("/api/v1/users/me", Stop));
        (me.Handle, me.Role).ShouldBe(("stoa", "admin"));
        var wallet = await RunningNode.ReadAsync<WalletResponse>(await node.Admin.GetAsync("/api/v1/wallet", Stop));
        wallet.Available.ShouldBe("10.000000000");
    }

    [Fact]
    public async Task SecondStart_KeepsTheAdministratorAndCreditsNothing()
    {
        string key;
        await using (var first = await RunningNode.StartInAsync(_folder))
            key = first.AdminKey;

        await using var second = await RunningNode.StartInAsync(_folder, "--ledger:openingCredit", "99");

        second.Started.AdminKey.ShouldBeNull();
        second.AdminKey.ShouldBe(key);
        var wallet = await RunningNode.ReadAsync<WalletResponse>(await second.Admin.GetAsync("/api/v1/wallet", Stop));
        wallet.Available.ShouldBe("10.000000000");
    }

    [Fact]
    public async Task Session_OutlivesARestart()
    {
        string token;
        await using (var first = await RunningNode.StartInAsync(_folder))
        {
            using var ada = await first.NewMemberAsync("ada");
            token = ada.DefaultRequestHeaders.Authorization!.Parameter!;
        }

        await using var second = await RunningNode.StartInAsync(_folder);

        using var again = second.NewClient(token);
        (await RunningNode.ReadAsync<UserResponse>(await again.GetAsync("/api/v1/users/me", Stop))).Handle.ShouldBe("ada");
    }

    [Fact]
    public async Task AdministratorWithoutAnyKey_GetsANewOneAtTheNextStart()
    {
        string lost;
        await using (var first = await RunningNode.StartInAsync(_folder))
        {
            lost = first.AdminKey;
            var keys = await RunningNode.ReadAsync<ListResponse<ApiKeyResponse>>(await first.Admin.GetAsync("/api/v1/api-keys", Stop));
            (await first.Admin.DeleteAsync($"/api/v1/api-keys/{keys.Items.Single().Id}", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        }

        await using var second = await RunningNode.StartInAsync(_folder);

        second.AdminKey.ShouldNotBe(lost);
        second.Started.AdminKey.ShouldBe(second.AdminKey);
        (await second.Admin.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task DataFolder_IsReadableByItsOwnerOnly()
    {
        var data = Path.Combine(_folder, "data");

        await using var node = await RunningNode.StartInAsync(data);

        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("File modes are a matter of Unix.");
            return;
        }

        File.GetUnixFileMode(data).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.GetUnixFileMode(node.Started.AdminKeyFile).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Theory]
    [InlineData("--tasks:wrokers", "4", "Tasks")]
    [InlineData("--nonsense:x", "1", "There is no room nonsense")]
    [InlineData("--http:maxBodyBytes", "12", "Http:MaxBodyBytes")]
    [InlineData("--identity:accessTokenMinutes", "soon", "Identity")]
    [InlineData("--ledger:openingCredit", "-1", "Ledger:OpeningCredit")]
    [InlineData("--url", "https://127.0.0.1:0", "Node:Url")]
    public async Task BadOption_IsToldBeforeAnythingStarts(string name, string value, string told)
    {
        var data = Path.Combine(_folder, "data");

        var refused = await Should.ThrowAsync<BadOptionsException>(() => NodeHost.BuildAsync(["--data", data, name, value], cancellationToken: Stop));

        refused.Message.ShouldContain(told);
        Directory.Exists(data).ShouldBeFalse();
    }

    [Fact]
    public async Task BadOptions_AreAllToldAtOnce()
    {
        var refused = await Should.ThrowAsync<BadOptionsException>(() => NodeHost.BuildAsync(
            ["--data", _folder, "--http:maxBodyBytes", "1", "--identity:accessTokenMinutes", "0"], cancellationToken: Stop));

        refused.Reasons.Count.ShouldBe(2);
    }

    [Fact]
    public async Task OptionsFile_InTheDataFolderIsRead_AndTheCommandLineWins()
    {
        await File.WriteAllTextAsync(
            Path.Combine(_folder, NodeConfiguration.FileName), """{ "stoa": { "ledger": { "openingCredit": "3" }, "identity": { "adminHandle": "root" } } }""", Stop);

        await using var node = await RunningNode.StartInAsync(_folder, "--identity:adminHandle", "boss");

        (await RunningNode.ReadAsync<UserResponse>(await node.Admin.GetAsync("/api/v1/users/me", Stop))).Handle.ShouldBe("boss");
        (await RunningNode.ReadAsync<WalletResponse>(await node.Admin.GetAsync("/api/v1/wallet", Stop))).Posted.ShouldBe("3.000000000");
    }

    [Fact]
    public async Task SecondNode_InTheSameFolder_IsRefused()
    {
        await using var node = await RunningNode.StartInAsync(_folder);

        await Should.ThrowAsync<StorageUnusableException>(() => RunningNode.StartInAsync(_folder));
    }

    [Fact]
    public async Task Program_WithBadOptions_SaysWhyAndExitsWith2()
    {
        using var errors = new StringWriter();

        var exitCode = await NodeProgram.RunAsync(["--data", _folder, "--url", "nowhere"], _ => { }, errors, Stop);

        exitCode.ShouldBe(2);
        errors.ToString().ShouldContain("Node:Url");
    }

    [Fact]
    public async Task Program_ThatIsCancelled_StopsAndExitsWith0()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var started = new TaskCompletionSource<NodeStarted>();

        var running = NodeProgram.RunAsync(
            ["--data", _folder, "--url", "http://127.0.0.1:0", "--observability:logLevel", "none"], started.SetResult, TextWriter.Null, stop.Token);
        (await started.Task.WaitAsync(Stop)).Address.Port.ShouldBeGreaterThan(0);
        await stop.CancelAsync();

        (await running).ShouldBe(0);
    }

    [Fact]
    public async Task Program_WhoseAddressIsTaken_SaysWhyAndExitsWith1()
    {
        await using var node = await RunningNode.StartAsync();
        using var errors = new StringWriter();

        var exitCode = await NodeProgram.RunAsync(
            ["--data", _folder, "--url", node.Started.Address.ToString(), "--observability:logLevel", "none"], _ => { }, errors, Stop);

        exitCode.ShouldBe(1);
        errors.ToString().ShouldContain("address already in use");
    }
}
