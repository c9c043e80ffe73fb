using System.Globalization;

namespace Stoa.Faults;

/// <summary>What the command line asks for.</summary>
/// <param name="Runs">Names of the runs, in order.</param>
/// <param name="Points">How many faults each run makes; null for its own number.</param>
/// <param name="Seed">Of all chance.</param>
/// <param name="Within">How soon what a fault interrupted has to go on.</param>
/// <param name="Longest">No more faults are made after so long; null for all of them.</param>
/// <param name="IsJson">Figures as JSON, one object a run.</param>
internal sealed record FaultCommand(IReadOnlyList<string> Runs, int? Points, int Seed, TimeSpan Within, TimeSpan? Longest, bool IsJson)
{
    private const int MostPoints = 100_000;
    private const int MostSeconds = 600;
    private const int MostMinutes = 7 * 24 * 60;

    /// <summary>What is promised.</summary>
    private const int PromisedSeconds = 5;

    public static void WriteUsage(IReadOnlyList<FaultRun> known, TextWriter output)
    {
        output.WriteLine("usage: ./faults RUN... [--points N] [--seed S] [--within SECONDS] [--minutes M] [--json]");
        output.WriteLine();
        foreach (var run in known)
            output.WriteLine($"  {run.Name,-10} {run.Summary} ({run.DefaultPoints} points)");
        output.WriteLine($"  {"all",-10} all of them, one after the other");
        output.WriteLine("""

              --points N   how many faults; the number behind each run when left out
              --seed S     the moments of an earlier run again; what the machine does in between is its own
              --within S   how soon what was interrupted has to go on, in seconds; 5 when left out, which is the promise on a machine of its own
              --minutes M  no more faults after so long: a run that has not made all its points ends there, and its books are gone through
              --json       one JSON object a run

            ./faults kill --points 20                    a minute or two
            ./faults kill --points 1000 --minutes 60     at most an hour
            ./faults all --points 5 --json

            Nodes, a PostgreSQL server and their folders are the run's own: on the loopback, in the folder for temporary files, gone at the end.
            What breaks a promise is printed, and the exit code is 1; it is 2 for a wrong command, and 3 for a run that is not possible here.
            """);
    }

    /// <summary>Reads the arguments; null, with a complaint, when they are not of the form. An empty complaint asks for the usage.</summary>
    public static FaultCommand? Parse(string[] arguments, IReadOnlyList<FaultRun> known, int clockSeed, out string complaint)
    {
        complaint = "";
        var (runs, points, seed, within, minutes, isJson) = (new List<string>(), (int?)null, clockSeed, PromisedSeconds, (int?)null, false);
        for (var i = 0; i < arguments.Length; i++)
        {
            var argument = arguments[i];
            var value = i + 1 < arguments.Length ? arguments[i + 1] : "";
            switch (argument)
            {
                case "-h" or "--help":
                    return null;
                case "--json":
                    isJson = true;
                    continue;
                case "all":
                    runs.AddRange(known.Select(run => run.Name));
                    continue;
                case "--points" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var many) && many is > 0 and <= MostPoints:
                    points = many;
                    break;
                case "--seed" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out seed):
                    break;
                case "--within" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out within) && within is > 0 and <= MostSeconds:
                    break;
                case "--minutes" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var longest) && longest is > 0 and <= MostMinutes:
                    minutes = longest;
                    break;
                case "--points" or "--seed" or "--within" or "--minutes":
                    var most = argument switch { "--points" => MostPoints, "--within" => MostSeconds, "--minutes" => MostMinutes, _ => int.MaxValue };
                    complaint = $"'{value}' is no value for {argument}: a whole number up to {most} is wanted";
                    return null;
                case var name when known.Any(run => run.Name == name):
                    runs.Add(name);
                    continue;
                default:
                    complaint = $"there is no '{argument}'; the runs are {string.Join(", ", known.Select(run => run.Name))} and all";
                    return null;
            }

            i++;
        }

        return runs.Count == 0 ? null : new FaultCommand(runs, points, seed, TimeSpan.FromSeconds(within), minutes is { } count ? TimeSpan.FromMinutes(count) : null, isJson);
    }
}
