using System.CommandLine;
using Stoa.Cli.Channels;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa call</c>.</summary>
internal sealed class CallCommand : StoaCommand
{
    private readonly Argument<string> _agent;
    private readonly Argument<string> _file = new("FILE") { Description = "The input; - for standard input, of which at most 1 MiB are read." };
    private readonly Option<string> _channel = new("--channel") { Description = "Pay out of this channel, which was opened to the node's payee.", HelpName = "CHANNEL", Required = true };
    private readonly Option<Dictionary<string, string>?> _parameters = ParameterOption.Create();
    private readonly Option<string?> _maxPrice = new("--max-price") { Description = "Refuse when the call could cost more.", HelpName = "USD", CustomParser = Quantity.Dollars };
    private readonly Option<string?> _keyFile = ChannelCommands.KeyFile();
    private readonly Option<string?> _output = ResultOutput.Option();

    public CallCommand(CommandScope scope)
        : base(
            scope,
            "call",
            "Call an agent and pay for it out of a payment channel, without an account. What the call does not use is credit for the next one.",
            new("Shrink a picture", "stoa call stoa/image-resize lake.png --param width=320 --channel chan_01h2xcejqtf2nbrexx3vqjhp41 -o small.png"),
            new("For at most a tenth of a cent", "echo '# Hello' | stoa call stoa/markdown-html - --channel chan_01h2xcejqtf2nbrexx3vqjhp41 --max-price 0.001"))
    {
        _agent = CommonArguments.Agent(scope, "PUBLISHER/NAME for the newest version, or PUBLISHER/NAME@VERSION.");
        Add(_agent);
        Add(_file);
        foreach (var option in new Option[] { _channel, _parameters, _maxPrice, _keyFile, _output })
            Add(option);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var agent = CommonArguments.ParseAgent(invocation.Get(_agent));
        var path = invocation.Get(_output);
        ResultOutput.RefuseUnwritable(invocation, path);
        var input = await OpenInputAsync(invocation, invocation.Get(_file), cancellationToken);
        using var output = new MemoryStream();
        var outcome = await TaskProgress.RunAsync(
            invocation.Screen,
            "calling",
            _ => invocation.Client.CallAgentAsync(
                agent, input, invocation.Get(_parameters), (required, stop) => PayAsync(invocation, required, stop), output, cancellationToken));
        output.Position = 0;
        if (path is not null and not "-")
        {
            await ResultOutput.SaveAsync(invocation.Surroundings.FullPath(path), file => output.CopyToAsync(file, cancellationToken));
        }
        else
        {
            await invocation.Surroundings.Out.FlushAsync(cancellationToken);
            await output.CopyToAsync(invocation.Surroundings.Output, cancellationToken);
        }

        invocation.Screen.Note($"[grey]{Format.Money(outcome.Amount)} charged; receipt {Format.Escaped(outcome.Transaction)}.[/]");
        return ExitCode.Ok;
    }

    // A call is made in several requests, so what is read once only is kept.
    private static async Task<CallInput> OpenInputAsync(Invocation invocation, string file, CancellationToken cancellationToken)
    {
        var path = invocation.Surroundings.FullPath(file);
        if (file == "-" || new FileInfo(path) is not { Exists: true, Length: > StoaClient.MaxInlineInputBytes })
            return CallInput.Of(await SmallFile.ReadAsync(invocation, file, "input of a call", cancellationToken));
        await using var bytes = File.OpenRead(path);
        return new CallInput(await ContentHash.OfAsync(bytes, cancellationToken), bytes.Length, _ => Task.FromResult<Stream>(File.OpenRead(path)));
    }

    private async Task<ChannelVoucherBody> PayAsync(Invocation invocation, PaymentRequirements required, CancellationToken cancellationToken)
    {
        var amount = ChannelCommands.ParseAmount(required.Amount);
        if (invocation.Get(_maxPrice) is { } most && amount > Money.Parse(most))
            throw new CommandFailure($"The call can cost {Format.Money(required.Amount)}, more than the {Format.Money(most)} that you allow.", ExitCode.Refused);
        var id = invocation.Get(_channel)!;
        using var key = ChannelDesk.OpenKey(invocation.Surroundings, invocation.Get(_keyFile));
        using var file = await KeptChannelFile.OpenAsync(invocation.Surroundings, id, cancellationToken);
        if (file.Kept is null)
            await ChannelCommands.LookAsync(invocation, file, id, cancellationToken);
        var kept = file.Kept!;
        // What was paid before may suffice: the node says so, or how much more it needs.
        if (required.Extra?.Cumulative is null && kept.Voucher is { } before)
            return new ChannelVoucherBody(id, before);
        var more = required.Extra?.Cumulative is { } cumulative ? ChannelCommands.ParseAmount(cumulative) - kept.Highest : amount;
        if (more > amount)
        {
            throw new CommandFailure(
                $"The node asks for {Format.Money(more.ToString())} more, though the call costs at most {Format.Money(required.Amount)}. Nothing was paid.", ExitCode.Refused);
        }

        return new ChannelVoucherBody(
            id, more > Money.Zero ? ChannelDesk.Pay(file, more, key) : kept.Voucher ?? throw new CommandFailure("No voucher of this channel was made here.", ExitCode.Refused));
    }
}
