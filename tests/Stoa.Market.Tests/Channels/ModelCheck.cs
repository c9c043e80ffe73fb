namespace Stoa.Market.Tests.Channels;

/// <summary>What an exhaustive search has found.</summary>
/// <param name="States">How many states can be reached.</param>
/// <param name="Steps">How many steps lead from one to another.</param>
/// <param name="Ends">How many of the states are ends.</param>
/// <param name="Fault">What is wrong, with the shortest way there; null when nothing is.</param>
internal sealed record ModelReport(int States, long Steps, int Ends, string? Fault);

/// <summary>Visits every state of the model, breadth first, and looks at every step.</summary>
internal static class ModelCheck
{
    public static ModelReport Run(ChannelModel model)
    {
        var states = new List<World> { model.FirstWorld };
        var cameBy = new List<(int From, string Step)> { (-1, "") };
        var index = new Dictionary<World, int> { [model.FirstWorld] = 0 };
        long steps = 0;
        for (var current = 0; current < states.Count; current++)
        {
            var world = states[current];
            foreach (var (step, after) in model.Steps(world))
            {
                if (after == world)
                    continue;
                steps++;
                var isNew = index.TryAdd(after, states.Count);
                if (isNew)
                {
                    states.Add(after);
                    cameBy.Add((current, step));
                }

                if ((ChannelModel.FaultOf(world, after) ?? (isNew ? ChannelModel.FaultOf(after) : null)) is { } fault)
                    return Report($"{fault}: {string.Join("; ", WayTo(current))}; {step}. {after}");
            }
        }

        var stuck = states.DistinctBy(world => (world.Time, world.Market)).Where(world => !CanEndAlone(model, world)).Select(world => (World?)world).FirstOrDefault();
        return Report(stuck is null ? null : $"it never ends, if nobody acts any more: {stuck}");

        ModelReport Report(string? fault) => new(states.Count, steps, states.Count(ChannelModel.IsTerminal), fault);

        List<string> WayTo(int state)
        {
            var way = new List<string>();
            for (; state > 0; state = cameBy[state].From)
                way.Add(cameBy[state].Step);
            way.Reverse();
            return way;
        }
    }

    /// <summary>Whether the channel ends even when both sides have gone. Stronger than that it can end: nobody can lock up the money of the other.</summary>
    private static bool CanEndAlone(ChannelModel model, World from)
    {
        var seen = new HashSet<World> { from };
        var open = new Queue<World>(seen);
        while (open.TryDequeue(out var world))
        {
            if (ChannelModel.IsTerminal(world))
                return true;
            foreach (var (_, after) in model.LonelySteps(world))
            {
                if (seen.Add(after))
                    open.Enqueue(after);
            }
        }

        return false;
    }
}
