using System.Text.Json;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Tests.Node;

[Collection(RealNode.Turns)]
public sealed class MeteringCommandsTests(RealNode node) : IDisposable
{
    private readonly TestCli _cli = node.Cli();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Usage_AfterWork_IsATableASumACsvAndRight()
    {
        (await _cli.RunAsync(["task", "submit", "stoa/markdown-html", "--text", "# Hello", "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        var task = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("id").GetString()!;

        (await _cli.RunAsync("usage --agent stoa/markdown-html --by month")).ShouldBe(ExitCode.Ok, _cli.Error);
        var lines = _cli.Output.TrimEnd().Split('\n');
        lines[0].ShouldBe("PERIOD\tWHAT\tTASKS\tCALLS\tFUEL\tIN\tOUT\tTIME\tPAID");
        lines[1].Split('\t')[1].ShouldBe("stoa/markdown-html");
        lines[^1].ShouldStartWith("all\t\t");

        (await _cli.RunAsync("usage --as operator --group-by none --by day")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.Split('\n')[0].ShouldBe("PERIOD\tTASKS\tCALLS\tFUEL\tIN\tOUT\tTIME\tPAID\tEARNED");
        (await _cli.RunAsync("usage --as creator --csv -o usage.csv")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await File.ReadAllLinesAsync(Path.Combine(_cli.Folder, "usage.csv"), Stop))[0].ShouldBe("start,group,events,fuel,input_bytes,output_bytes,duration_ms,paid,earned,calls,charges,byte_hours,transfer_bytes,requests,input_tokens,output_tokens");
        (await _cli.RunAsync("usage --to 2020-01-01 --from 2019-01-01")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldBeEmpty();

        (await _cli.RunAsync("usage events -n 200 --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items").EnumerateArray().Select(used => used.GetProperty("subject").GetString()).ShouldContain(task);
        (await _cli.RunAsync("usage events")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("usage verify")).ShouldBe(ExitCode.Ok, _cli.Output + _cli.Error);
        _cli.Output.ShouldContain("each is what the journal comes to");
    }

    [Fact]
    public async Task Budget_OfAnAgent_IsSetListedChangedAndRemoved()
    {
        // Of somebody of its own: others submit as the administrator meanwhile.
        using var admin = node.Client();
        await admin.RegisterAsync(new RegisterRequest("thrifty", "thrifty@example.org", "a long enough password"), Stop);
        await admin.DepositAsync(new DepositRequest("thrifty", "1"), Stop);
        _cli.Variables["STOA_KEY"] = (await admin.LoginAsync(new LoginRequest("thrifty", "a long enough password"), Stop)).Token;
        (await _cli.RunAsync("budget set 0.000001 --per day --agent stoa/csv-profile --alert-at 50,100 --no-mail --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        var id = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("id").GetString()!;

        (await _cli.RunAsync(["task", "submit", "stoa/csv-profile", "--text", "a,b\n1,2\n"])).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("your budget " + id);
        _cli.Error.ShouldContain("stoa budget set");
        (await _cli.RunAsync("budget list")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain($"{id}\t$0.000001 a day\tstoa/csv-profile\t");
        (await _cli.RunAsync($"budget alert {id} --alert-at none --mail")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("never");
        (await _cli.RunAsync($"budget alert {id} --alert-at 120")).ShouldNotBe(ExitCode.Ok);
        _cli.Error.ShouldContain("'120' is not a percentage from 1 to 100.");
        (await _cli.RunAsync($"budget remove {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync($"budget remove {id}")).ShouldBe(ExitCode.Refused);
        (await _cli.RunAsync(["task", "submit", "stoa/csv-profile", "--text", "a,b\n1,2\n"])).ShouldBe(ExitCode.Ok, _cli.Error);
    }

    [Fact]
    public async Task BalanceAlert_IsSetShownAndSwitchedOff()
    {
        (await _cli.RunAsync("budget balance 2.5")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("less than $2.50 in the wallet, by e-mail too");
        (await _cli.RunAsync("budget balance off")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("budget balance")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("You are not told of the wallet.");
    }
}
