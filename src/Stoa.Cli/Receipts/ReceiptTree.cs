using Stoa.Cli.Terminal;
using Stoa.Market.Tasks;

namespace Stoa.Cli.Receipts;

/// <summary>The calls of a receipt, each below the one that made it.</summary>
internal static class ReceiptTree
{
    /// <summary>Shows them, with prices and who got what, and the requests to models behind them; nothing where there were none.</summary>
    public static void Show(Screen screen, Receipt receipt)
    {
        ShowCalls(screen, receipt);
        ShowRequests(screen, receipt);
    }

    private static void ShowRequests(Screen screen, Receipt receipt)
    {
        if (receipt.ModelRequests.Count == 0)
            return;
        screen.Line();
        screen.Table(
            ["Request", "Model", "By", "Tokens", "Price", "Creators", "Node", "Platform"],
            [.. receipt.ModelRequests.Select(IReadOnlyList<string> (request) =>
            [
                Format.Invariant($"{request.Number}"),
                (request.Used?.Model.ToString() ?? request.Asked) + (request.Failure is { } failure ? $" ({failure})" : ""),
                request.Call is { } call ? Format.Invariant($"call {call}") : "the agent",
                Format.Invariant($"{request.Used?.Tokens.InputTokens ?? 0} + {request.Used?.Tokens.OutputTokens ?? 0}"),
                Format.Money(request.Price.ToString()),
                string.Join(", ", request.Royalties.Select(part => $"{Format.Money(part.Amount.ToString())} {part.To}")),
                Format.Money(request.Shares.Node.ToString()),
                Format.Money(request.Shares.Platform.ToString()),
            ])]);
    }

    private static void ShowCalls(Screen screen, Receipt receipt)
    {
        if (receipt.Calls.Count == 0)
            return;
        var rows = new List<IReadOnlyList<string>>();
        Add(parent: null, depth: 0);
        screen.Line();
        screen.Table(["Call", "Agent", "Fuel", "Price", "Creators", "Node", "Platform"], rows);

        void Add(int? parent, int depth)
        {
            foreach (var call in receipt.Calls.Where(call => call.Parent == parent))
            {
                rows.Add(
                [
                    Format.Invariant($"{new string(' ', 2 * depth)}{call.Number}"),
                    call.Agent.ToString() + (call.Failure is { } failure ? $" ({failure})" : ""),
                    Format.Fuel(call.Usage.Fuel),
                    Format.Money(call.Price.ToString()),
                    string.Join(", ", call.Royalties.Select(part => $"{Format.Money(part.Amount.ToString())} {part.To}")),
                    Format.Money(call.Shares.Node.ToString()),
                    Format.Money(call.Shares.Platform.ToString()),
                ]);
                Add(call.Number, depth + 1);
            }
        }
    }
}
