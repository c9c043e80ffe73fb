using System.Globalization;

namespace Stoa.Wasm.Fuzz;

/// <summary>What the command line asks for.</summary>
internal sealed record FuzzCommand(string Mode, TimeSpan Time, long Executions, ulong Seed, bool IsReplay, bool IsJson)
{
    public const string Usage = """
        usage: ./fuzz [decode|execute|all] [--seconds N] [--executions N] [--seed S] [--replay SEED] [--json]

          decode    damaged modules into the decoder; what is still valid is run
          execute   generated modules in the engine, beside a reference interpreter and V8 (Node, where installed)
          all       both, half of the time each; the default

          --seconds N      how long; default 60, or endless with --executions
          --executions N   how many calls (execute) or inputs (decode)
          --seed S         the first seed; inputs have seeds that follow one another; default: from the clock
          --replay SEED    one input, the one of a finding
          --json           one JSON object a mode

        Findings go to artifacts/fuzz. The exit code is 0 when nothing was found, 1 when something was, 2 for a wrong command.
        """;

    /// <summary>Reads the arguments; null, with a complaint, when they are not of the form. An empty complaint asks for the usage.</summary>
    public static FuzzCommand? Parse(string[] arguments, ulong clockSeed, out string complaint)
    {
        complaint = "";
        string mode = "all";
        double? seconds = null;
        long? executions = null;
        ulong seed = clockSeed;
        bool isReplay = false, isJson = false;
        for (int i = 0; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            string value = i + 1 < arguments.Length ? arguments[i + 1] : "";
            bool isGood = true;
            switch (argument)
            {
                case "decode" or "execute" or "all":
                    mode = argument;
                    continue;
                case "--json":
                    isJson = true;
                    continue;
                case "-h" or "--help":
                    return null;
                case "--seconds":
                    isGood = double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double time) && time is > 0 and < 1e7;
                    seconds = time;
                    break;
                case "--executions":
                    isGood = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long count);
                    executions = count;
                    break;
                case "--seed" or "--replay":
                    isGood = ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out seed);
                    isReplay |= argument == "--replay";
                    break;
                default:
                    complaint = $"what is '{argument}'?";
                    return null;
            }

            i++;
            if (!isGood)
            {
                complaint = $"'{value}' is no value for {argument}";
                return null;
            }
        }

        if (isReplay && mode == "all")
        {
            complaint = "--replay needs decode or execute";
            return null;
        }

        var longest = TimeSpan.FromSeconds(seconds ?? (executions is null ? 60 : 1e7));
        return new FuzzCommand(mode, longest, executions ?? long.MaxValue, seed, isReplay, isJson);
    }
}
