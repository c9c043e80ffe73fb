using System.CommandLine;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary>What commands that list have in common.</summary>
internal static class ListLimit
{
    private const int Default = 50;

    public static Option<int> Option()
    {
        var option = new Option<int>("--limit", "-n")
        {
            Description = $"Show at most so many. Default: {Default}.",
            HelpName = "N",
            DefaultValueFactory = _ => Default,
            CustomParser = Quantity.Whole,
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number < 1)
                result.AddError("--limit is at least 1.");
        });
        return option;
    }

    /// <summary>The first items, and whether there are more.</summary>
    public static async Task<(IReadOnlyList<T> Items, bool HasMore)> TakeAsync<T>(IAsyncEnumerable<T> all, int limit)
    {
        var items = new List<T>();
        await foreach (var item in all)
        {
            if (items.Count == limit)
                return (items, true);
            items.Add(item);
        }

        return (items, false);
    }

    public static void TellOfMore(Invocation invocation, bool hasMore)
    {
        if (hasMore)
            invocation.Screen.Note("[grey]There are more: --limit N shows more of them.[/]");
    }

    /// <summary>An age for people, a time for programs.</summary>
    public static string When(Invocation invocation, DateTimeOffset time) => invocation.Screen.IsRich
        ? Format.Ago(time, invocation.Surroundings.TimeProvider.GetUtcNow())
        : Format.Time(time);
}
