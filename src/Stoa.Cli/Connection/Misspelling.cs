using System.Text.RegularExpressions;
using Stoa.Cli.Commands;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Connection;

/// <summary>The name of an agent or of a capability that the node does not know.</summary>
/// <param name="Word">As it was given.</param>
/// <param name="IsCapability">Whether it is a capability.</param>
internal sealed partial record Misspelling(string Word, bool IsCapability)
{
    private const int MaxAgents = 500;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>The name that a refusal is about; null when it is about something else.</summary>
    public static Misspelling? Of(Problem problem) => problem.Code switch
    {
        "agentUnknown" or "notFound" when UnknownAgent().Match(problem.Detail) is { Success: true } found => new(found.Groups[1].Value, IsCapability: false),
        "noCandidate" when UnknownCapability().Match(problem.Detail) is { Success: true } found => new(found.Groups[1].Value, IsCapability: true),
        _ => null,
    };

    /// <summary>The refusal, with what may have been meant among what there is.</summary>
    public async Task<StoaException> SuggestAsync(StoaClient client, StoaException refusal, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        try
        {
            var agents = await client.ListAgentsAsync(cancellationToken: patience.Token).Take(MaxAgents).ToListAsync(patience.Token);
            var known = IsCapability ? agents.SelectMany(agent => agent.Capabilities) : agents.Select(agent => $"{agent.Publisher}/{agent.Name}");
            var meant = Suggestions.For(Word.Split('@')[0], known.Distinct());
            return meant.Count == 0 || meant.Contains(Word.Split('@')[0])
                ? refusal
                : new StoaException(refusal.Problem with { Detail = $"{refusal.Problem.Detail} Did you mean {OneOf.Listed(meant)}?" });
        }
        catch (Exception unavailable) when (unavailable is StoaException or NodeUnreachableException or OperationCanceledException)
        {
            return refusal;
        }
    }

    [GeneratedRegex(@"^There is no agent (\S+)\. ")]
    private static partial Regex UnknownAgent();

    [GeneratedRegex(@"^No agent here can do (\S+), and none ")]
    private static partial Regex UnknownCapability();
}
