using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Tests.Node;

/// <summary>A payer and a payee, each at a machine of its own, and the node between them.</summary>
[Collection(RealNode.Turns)]
public sealed class ChannelCommandsTests(RealNode node) : IAsyncLifetime
{
    private readonly TestCli _payer = node.Cli();
    private readonly TestCli _payee = node.Cli();
    private string _handle = null!;
    private string _channel = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _handle = "payee-" + Guid.NewGuid().ToString("n")[..8];
        using var anonymous = new StoaClient(new StoaClientOptions { Address = node.Address });
        await anonymous.RegisterAsync(new RegisterRequest(_handle, $"{_handle}@example.org", "a long enough password"), Stop);
        _payee.Variables["STOA_KEY"] = (await anonymous.LoginAsync(new LoginRequest(_handle, "a long enough password"), Stop)).Token;
        var key = await OutputAsync(_payee, "channel key");
        var opened = await OutputAsync(_payer, $"channel open {_handle} 0.1 --payee-key {key} --window 60min --days 2 --json");
        _channel = JsonDocument.Parse(opened).RootElement.GetProperty("id").GetString()!;
    }

    public ValueTask DisposeAsync()
    {
        _payer.Dispose();
        _payee.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Vouchers_AreMadeCheckedAndSettled_AndTheEndIsSignedByBoth()
    {
        var first = await OutputAsync(_payer, $"channel pay {_channel} 0.01");
        (await OutputAsync(_payee, $"channel verify {_channel} -", first)).ShouldContain("$0.01 more, $0.01 in all");
        _payee.Variables["STOA_ADDRESS"] = "http://127.0.0.1:9";
        var second = await OutputAsync(_payer, $"channel pay {_channel} --units 30 --unit-price 0.001");
        (await OutputAsync(_payee, $"channel verify {_channel} -", second)).ShouldContain("$0.03 more, $0.04 in all");
        var third = await OutputAsync(_payer, $"channel pay {_channel} --units 5");
        (await OutputAsync(_payee, $"channel verify {_channel} -", third)).ShouldContain("$0.005 more, $0.045 in all");
        (await OutputAsync(_payer, $"channel pay {_channel} --again")).ShouldBe(third);
        (await RefusedAsync(_payee, $"channel verify {_channel} -", first)).ShouldContain("pays nothing new");
        (await OutputAsync(_payee, $"channel show {_channel} --kept --json")).ShouldContain("\"highest\": \"0.045000000\"");
        _payee.Variables["STOA_ADDRESS"] = node.Address.ToString();

        (await OutputAsync(_payee, "channel settle")).ShouldContain("$0.045 by 1 transfers.");
        (await RefusedAsync(_payer, $"channel pay {_channel} 0.0550001")).ShouldContain("stoa channel top-up");
        (await OutputAsync(_payer, $"channel top-up {_channel} 0.1")).ShouldContain("$0.20");
        var last = await OutputAsync(_payer, $"channel pay {_channel} 0.1");
        (await RefusedAsync(_payee, $"channel verify {_channel} -", last)).ShouldContain("were deposited when you last looked");
        await OutputAsync(_payee, $"channel show {_channel}");
        await OutputAsync(_payee, $"channel verify {_channel} -", last);

        var proposal = await OutputAsync(_payee, $"channel close {_channel} --propose");
        (await OutputAsync(_payer, $"channel close {_channel} --agree -", proposal)).ShouldContain("as both have signed");
        (await RefusedAsync(_payer, $"channel pay {_channel} 0.01")).ShouldContain("signed how this channel ends");
        (await RefusedAsync(_payee, $"channel verify {_channel} -", last)).ShouldContain("signed how this channel ends");
        (await OutputAsync(_payee, $"channel show {_channel} --json")).ShouldContain("\"settled\": \"0.145000000\"");
        (await OutputAsync(_payee, "channel list --role payee --state closed")).ShouldContain(_channel);
    }

    [Fact]
    public async Task Closing_ByThePayer_IsChallengedWithTheKeptVoucher()
    {
        var voucher = await OutputAsync(_payer, $"channel pay {_channel} 0.02");
        await OutputAsync(_payee, $"channel verify {_channel} -", voucher);
        (await RefusedAsync(_payee, $"channel challenge {_channel}")).ShouldContain("not closing");
        // The payer closes from a machine that has nothing of what was paid: the node is told of no voucher.
        using (var elsewhere = node.Cli())
            (await OutputAsync(elsewhere, $"channel close {_channel}")).ShouldContain("closing, by payer");

        (await OutputAsync(_payee, "channel challenge")).ShouldContain("$0.02");

        (await OutputAsync(_payer, $"channel show {_channel} --json")).ShouldContain("\"settled\": \"0.020000000\"");
        (await RefusedAsync(_payer, $"channel pay {_channel} 0.01")).ShouldContain("closing or closed");
    }

    [Fact]
    public async Task Words_ThatMakeNoSense_AreRefusedWithWhatToDo()
    {
        _payer.Write("rubbish.json", "{}");
        (await RefusedAsync(_payee, $"channel verify {_channel} -", "{}")).ShouldContain("not a voucher");
        (await RefusedAsync(_payee, $"channel pay {_channel} 0.01")).ShouldContain("You are the payee");
        (await RefusedAsync(_payer, $"channel pay {_channel} --units 5")).ShouldContain("--unit-price");
        (await _payer.RunAsync("channel pay nonsense 1")).ShouldBe(ExitCode.Usage);
        (await _payer.RunAsync($"channel pay {_channel}")).ShouldBe(ExitCode.Usage);
        (await _payer.RunAsync($"channel pay {_channel} 0")).ShouldBe(ExitCode.Usage);
        (await _payer.RunAsync($"channel pay {_channel} much")).ShouldBe(ExitCode.Usage);
        (await _payer.RunAsync($"channel pay {_channel} 0.01 --key-file rubbish.json")).ShouldBe(ExitCode.Usage);
    }

    private static async Task<string> OutputAsync(TestCli cli, string commandLine, string? input = null)
    {
        (await cli.RunAsync(commandLine, input is null ? null : System.Text.Encoding.UTF8.GetBytes(input))).ShouldBe(ExitCode.Ok, cli.Error);
        return cli.Output.Trim();
    }

    private static async Task<string> RefusedAsync(TestCli cli, string commandLine, string? input = null)
    {
        (await cli.RunAsync(commandLine, input is null ? null : System.Text.Encoding.UTF8.GetBytes(input))).ShouldNotBe(ExitCode.Ok, commandLine);
        return cli.Error;
    }
}
