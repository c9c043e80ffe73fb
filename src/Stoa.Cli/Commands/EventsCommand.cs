using System.CommandLine;
using Stoa.Cli.Terminal;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa events</c>: the live stream.</summary>
internal sealed class EventsCommand : StoaCommand
{
    private readonly Option<string?> _after = new("--after") { Description = "Begin after this event. Default: from now on.", HelpName = "ID" };

    public EventsCommand(CommandScope scope)
        : base(
            scope,
            "events",
            "Watch what happens, until Ctrl-C. A broken connection is taken up where it broke.",
            new("Everything from the beginning", "stoa events --after 0"),
            new("Prices of what succeeds, as they come", "stoa events --json | jq -r 'select(.type == \"stoa.task.succeeded\") | .data.price'")) =>
        Add(_after);

    protected override bool IsStream => true;

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        await foreach (var happened in invocation.Client.WatchEventsAsync(invocation.Get(_after), cancellationToken))
        {
            if (invocation.IsJson)
                invocation.Screen.JsonLine(happened, json => json.CloudEvent);
            else
                invocation.Screen.Markup(EventLine.Of(happened));
        }

        return ExitCode.Ok;
    }
}
