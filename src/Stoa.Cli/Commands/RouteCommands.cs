using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa route</c>: names that stand for models.</summary>
internal static class RouteCommands
{
    public static Command Create(CommandScope scope) => new CommandGroup(
        "route",
        "Names that stand for models: requests are shared out by weight, and go elsewhere when a model does not answer.",
        [
            new("Have a name for the model that is used", "stoa route set fast stoa/tiny-chat"),
            new("Try a new version with a tenth of the requests for a model of yours", "stoa route set stoa/tiny-chat 9:stoa/tiny-chat@^1 1:stoa/tiny-chat@2.0.0"),
        ],
        new SetCommand(scope),
        new ListCommand(scope),
        new ShowCommand(scope),
        new RemoveCommand(scope));

    private static Argument<string> Name() => new("NAME") { Description = "The route's; or PUBLISHER/NAME, of a model of yours." };

    private static string Told(RouteTargetBody target) => Format.Invariant($"{target.Weight ?? 1}:{target.Model}");

    private static int Tell(Invocation invocation, RouteResponse route)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(route, json => json.RouteResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Facts(
            ("Route", Format.Escaped(route.Name)),
            ("Targets", Format.Escaped(string.Join("\n", route.Targets.Select(Told)))),
            ("Else", route.Alternatives.Count == 0 ? null : Format.Escaped(string.Join("\n", route.Alternatives))),
            ("For", route.IsForAll ? "everybody" : "your requests"));
        return ExitCode.Ok;
    }

    /// <summary><c>stoa route set</c>.</summary>
    private sealed class SetCommand : StoaCommand
    {
        private readonly Argument<string> _name = Name();
        private readonly Argument<string[]> _targets = new("TARGET")
        {
            Description = "A model, or WEIGHT:MODEL, such as 9:stoa/tiny-chat@^1. A model is PUBLISHER/NAME, PUBLISHER/NAME@RANGE, auto or auto:CAPABILITY.",
            Arity = ArgumentArity.OneOrMore,
        };

        private readonly Option<string[]> _alternatives = new("--or") { Description = "A model that is tried when none of the targets answers; may be given several times.", HelpName = "MODEL" };
        private readonly Option<bool> _forAll = new("--for-all") { Description = "For everybody's requests. Administrators only." };

        public SetCommand(CommandScope scope)
            : base(
                scope,
                "set",
                "Have a name stand for models.",
                new("One model, and another one when it is away", "stoa route set fast stoa/tiny-chat --or auto:chat"),
                new("A tenth for the new version", "stoa route set stoa/tiny-chat 9:stoa/tiny-chat@^1 1:stoa/tiny-chat@2.0.0"))
        {
            Add(_name);
            Add(_targets);
            Add(_alternatives);
            Add(_forAll);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) => Tell(invocation, await invocation.Client.SetRouteAsync(
            invocation.Get(_name),
            new SetRouteRequest([.. invocation.Get(_targets).Select(Read)], invocation.Get(_alternatives) is { Length: > 0 } alternatives ? alternatives : null, invocation.Get(_forAll) ? true : null),
            cancellationToken));

        private static RouteTargetBody Read(string text)
        {
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            return colon > 0 && int.TryParse(text.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var weight)
                ? new RouteTargetBody(text[(colon + 1)..], weight)
                : new RouteTargetBody(text);
        }
    }

    /// <summary><c>stoa route list</c>.</summary>
    private sealed class ListCommand(CommandScope scope)
        : StoaCommand(scope, "list", "List your routes, and those for everybody.", new CommandExample("Which are there?", "stoa route list"))
    {
        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var routes = new List<RouteResponse>();
            await foreach (var route in invocation.Client.ListRoutesAsync(cancellationToken))
                routes.Add(route);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<RouteResponse>(routes), json => json.ListResponseRouteResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Name", "Targets", "Else", "For"],
                [.. routes.Select(route => (IReadOnlyList<string>)[route.Name, string.Join(' ', route.Targets.Select(Told)), string.Join(' ', route.Alternatives), route.IsForAll ? "everybody" : "you"])]);
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa route show</c>.</summary>
    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _name = Name();

        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show what a name stands for.", new CommandExample("Where do requests for it go?", "stoa route show fast")) => Add(_name);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.GetRouteAsync(invocation.Get(_name), cancellationToken));
    }

    /// <summary><c>stoa route remove</c>.</summary>
    private sealed class RemoveCommand : StoaCommand
    {
        private readonly Argument<string> _name = Name();
        private readonly Option<bool> _forAll = new("--for-all") { Description = "The one for everybody. Administrators only." };

        public RemoveCommand(CommandScope scope)
            : base(scope, "remove", "Have a name stand for nothing any more.", new CommandExample("When nothing uses it", "stoa route remove fast"))
        {
            Add(_name);
            Add(_forAll);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.RemoveRouteAsync(invocation.Get(_name), invocation.Get(_forAll), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Line($"{Format.Clean(invocation.Get(_name))} stands for nothing any more.");
            return ExitCode.Ok;
        }
    }
}
