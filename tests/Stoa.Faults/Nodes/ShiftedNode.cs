using System.Globalization;
using Stoa.Node.Hosting;
using Stoa.Primitives;

namespace Stoa.Faults.Nodes;

/// <summary>A node on production wiring whose clock is off by what a file says, so that it can be made to jump while it works.</summary>
internal static class ShiftedNode
{
    /// <summary>The word that makes this program such a node.</summary>
    public const string Word = "node-with-clock";

    /// <summary>Runs the node until it is stopped.</summary>
    /// <param name="clockFile">Holds the seconds by which the clock is ahead.</param>
    /// <param name="args">Of the node.</param>
    public static async Task<int> RunAsync(string clockFile, string[] args)
    {
        await using var node = await NodeHost.BuildAsync(args, new NodePhysics(new ShiftedTime(clockFile), new SecureRandom()));
        StartMessage.Print(await node.StartAsync());
        await node.WaitForShutdownAsync();
        return 0;
    }

    /// <summary>Moves the clock of a node that reads the file, live.</summary>
    public static void Shift(string clockFile, TimeSpan by)
    {
        var partial = clockFile + ".partial";
        File.WriteAllText(partial, by.TotalSeconds.ToString(CultureInfo.InvariantCulture));
        File.Move(partial, clockFile, overwrite: true);
    }

    /// <summary>By how much the file moves a clock.</summary>
    public static TimeSpan ReadShift(string clockFile) => TimeSpan.FromSeconds(double.Parse(File.ReadAllText(clockFile), CultureInfo.InvariantCulture));

    /// <summary>The machine's clock and what the file says. Waits are not moved, as they are not where an operator sets the clock.</summary>
    private sealed class ShiftedTime(string file) : TimeProvider
    {
        private const long ReadEveryMs = 10;

        private long _readAt = long.MinValue;
        private TimeSpan _by;

        public override DateTimeOffset GetUtcNow()
        {
            lock (this)
            {
                if (Environment.TickCount64 - ReadEveryMs >= _readAt)
                {
                    _by = ReadShift(file);
                    _readAt = Environment.TickCount64;
                }

                return base.GetUtcNow() + _by;
            }
        }
    }
}
