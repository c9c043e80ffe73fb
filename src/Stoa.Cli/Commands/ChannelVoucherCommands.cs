using System.CommandLine;
using System.Text.Json;
using Stoa.Cli.Channels;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa channel</c> that need no node: make vouchers, and check them.</summary>
internal static class ChannelVoucherCommands
{
    public sealed class PayCommand : StoaCommand
    {
        private readonly Argument<string> _id = ChannelCommands.Id();
        private readonly Argument<string?> _amount = new("AMOUNT") { Description = "US dollars more than all that was paid so far.", Arity = ArgumentArity.ZeroOrOne };
        private readonly Option<int?> _units = new("--units") { Description = "Pay so many units of a hash chain, which costs no signature.", HelpName = "N", CustomParser = result => Quantity.Whole(result) };
        private readonly Option<string?> _unitPrice = new("--unit-price") { Description = "Begin a chain whose units cost so much, unless there is one.", HelpName = "USD" };
        private readonly Option<int> _length = new("--length") { Description = "Units of a new chain, at most 65536. Default: 10000.", HelpName = "N", DefaultValueFactory = _ => 10_000, CustomParser = Quantity.Whole };
        private readonly Option<bool> _again = new("--again") { Description = "Print the last voucher again, and pay nothing." };
        private readonly Option<string?> _output = new("--output", "-o") { Description = "Write the voucher into a file.", HelpName = "FILE" };
        private readonly Option<string?> _file = ChannelCommands.KeyFile();

        public PayCommand(CommandScope scope)
            : base(
                scope,
                "pay",
                "Make a voucher, without a node. Give it to the payee: it stands for all that was paid so far.",
                new("A quarter of a cent more", "stoa channel pay chan_01h2xcejqtf2nbrexx3vqjhp41 0.0025 -o voucher.json"),
                new("Twenty units of a hundredth of a cent", "stoa channel pay chan_01h2xcejqtf2nbrexx3vqjhp41 --units 20 --unit-price 0.0001"),
                new("It was lost on the way", "stoa channel pay chan_01h2xcejqtf2nbrexx3vqjhp41 --again"))
        {
            Add(_id);
            Add(_amount);
            Add(_units);
            Add(_unitPrice);
            Add(_length);
            Add(_again);
            Add(_output);
            Add(_file);
            Validators.Add(result =>
            {
                var ways = (result.GetResult(_amount) is { Tokens.Count: > 0 } ? 1 : 0) + (result.GetResult(_units) is { Implicit: false } ? 1 : 0) + (result.GetResult(_again) is { Implicit: false } ? 1 : 0);
                if (ways != 1)
                    result.AddError("Either AMOUNT, --units or --again is expected.");
            });
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var id = invocation.Get(_id);
            using var file = await KeptChannelFile.OpenAsync(invocation.Surroundings, id, cancellationToken);
            if (file.Kept is null)
                await ChannelCommands.LookAsync(invocation, file, id, cancellationToken);
            var voucher = Make(invocation, file);
            if (invocation.Get(_output) is { } path)
                await File.WriteAllBytesAsync(invocation.Surroundings.FullPath(path), JsonSerializer.SerializeToUtf8Bytes(voucher, StoaJson.Default.VoucherBody), cancellationToken);
            else
                invocation.Screen.JsonLine(voucher, json => json.VoucherBody);
            var (paid, deposit) = (file.Kept!.Highest, ChannelDesk.DepositOf(file.Kept));
            invocation.Screen.Note($"[grey]{Format.Money(paid.ToString())} paid in all; {Format.Money((deposit - paid).ToString())} of the deposit are left.[/]");
            return ExitCode.Ok;
        }

        private VoucherBody Make(Invocation invocation, KeptChannelFile file)
        {
            if (invocation.Get(_again))
                return file.Kept!.Voucher ?? throw new CommandFailure("No voucher of this channel was made here.", ExitCode.Refused);
            using var key = ChannelDesk.OpenKey(invocation.Surroundings, invocation.Get(_file));
            if (invocation.Get(_amount) is { } amount)
                return ChannelDesk.Pay(file, ChannelCommands.ParseAmount(amount), key);
            const int longest = 65_536;
            var (units, length) = (invocation.Get(_units)!.Value, invocation.Get(_length));
            if (units is < 1 or > longest || length is < 1 or > longest)
                throw new CommandFailure($"--units and --length are from 1 to {longest}.");
            Money? unitPrice = invocation.Get(_unitPrice) is { } price ? ChannelCommands.ParseAmount(price) : null;
            return unitPrice <= Money.Zero
                ? throw new CommandFailure("--unit-price is above zero.")
                : ChannelDesk.PayUnits(file, units, unitPrice, length, key);
        }
    }

    public sealed class VerifyCommand : StoaCommand
    {
        private readonly Argument<string> _id = ChannelCommands.Id();
        private readonly Argument<string> _voucher = new("VOUCHER") { Description = "File with the voucher; - reads it from standard input." };

        public VerifyCommand(CommandScope scope)
            : base(
                scope,
                "verify",
                "Check a voucher that you were given, and keep it when it is the best. Needs a node only the first time.",
                new("Is it worth something?", "stoa channel verify chan_01h2xcejqtf2nbrexx3vqjhp41 voucher.json"),
                new("Have it paid", "stoa channel settle chan_01h2xcejqtf2nbrexx3vqjhp41"))
        {
            Add(_id);
            Add(_voucher);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var id = invocation.Get(_id);
            using var file = await KeptChannelFile.OpenAsync(invocation.Surroundings, id, cancellationToken);
            if (file.Kept is null)
                await ChannelCommands.LookAsync(invocation, file, id, cancellationToken);
            var voucher = ChannelDesk.ReadVoucher((await SmallFile.ReadAsync(invocation, invocation.Get(_voucher), "voucher", cancellationToken)).Span);
            var taken = ChannelDesk.Take(file, voucher);
            if (invocation.IsJson)
                invocation.Screen.JsonObject(("cumulative", taken.Cumulative.ToString()), ("new", taken.New.ToString()), ("best", file.Kept!.Highest.ToString()));
            else if (taken.New > Money.Zero)
                invocation.Screen.Line($"Good: {Format.Money(taken.New.ToString())} more, {Format.Money(taken.Cumulative.ToString())} in all. It is kept.");
            if (taken.New > Money.Zero)
                return ExitCode.Ok;
            throw new CommandFailure(
                $"The voucher is real, and pays nothing new: it says {taken.Cumulative} USD in all, and you have one of {file.Kept!.Highest} USD.", ExitCode.Refused, "Give nothing for it.");
        }
    }
}
