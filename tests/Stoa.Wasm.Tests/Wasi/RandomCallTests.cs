using Stoa.Wasm.Tests.Wasi.Files;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Files;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Tests.Wasi;

/// <summary>Calls with arguments that make no sense: whatever they are, the answer is an error or a trap, and the host goes on.</summary>
public sealed class RandomCallTests
{
    // A guest soon closes all that it has; so many begin anew, on the files that the others left.
    private const int Guests = 100;
    private const int CallsOfAGuest = 200;

    private static readonly string[] s_paths =
        ["a", "b", "a/b", "a/../b", "..", "../a", "a/", ".", "/", "", "a//b/./c", "l", "l/a", "ü", new('n', 300), "a\0b"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Calls_WithAnyArguments_OnMemory_OnlyAnswerOrTrap(int seed) => Exercise(seed, new MemoryFileSystem(new() { MaxBytes = 1 << 20, MaxNodes = 50 }), _ => true);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Calls_WithAnyArguments_OnTheHost_OnlyAnswerOrTrap(int seed)
    {
        using var directory = new TemporaryDirectory();
        // Space that is really taken is left out: it could fill the disk.
        Exercise(seed, new HostFileSystem(directory.FullPath), name => name is not ("fd_allocate" or "fd_sync" or "fd_datasync"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Calls_WithAnyArguments_OnAnyHost_OnlyAnswerOrTrap(int seed)
    {
        using var directory = new TemporaryDirectory();
        Exercise(
            seed,
            new HostFileSystem(directory.FullPath, portable: true),
            name => name is not ("fd_allocate" or "fd_sync" or "fd_datasync"));
    }

    private static void Exercise(int seed, FileSystem files, Func<string, bool> isWanted)
    {
        var random = new Random(seed);
        for (var i = 0; i < Guests; i++)
            ExerciseGuest(seed, random, files, isWanted);
    }

    private static void ExerciseGuest(int seed, Random random, FileSystem files, Func<string, bool> isWanted)
    {
        var options = WasiOptions.Deterministic(DateTimeOffset.UnixEpoch, (ulong)seed) with
        {
            Arguments = ["x"],
            Stdin = GuestInput.FromBytes(new byte[1_000]),
            Stderr = GuestOutput.Discard(1_000, OutputOverflow.Truncate),
            Stdout = GuestOutput.Discard(),
        };
        using var guest = WasiGuest.With(files, options);
        var names = WasiFunctionsTests.Names.Where(isWanted).ToArray();
        for (var i = 0; i < CallsOfAGuest; i++)
        {
            var name = names[random.Next(names.Length)];
            var parameters = guest.Instance.GetFunction(name)!.Type.Parameters;
            WritePath(guest, random);
            var arguments = parameters.Select(kind => Argument(kind, random)).ToArray();
            // Paths that are mostly there make the calls go deeper than the first check.
            for (var at = 0; at + 1 < arguments.Length && name.StartsWith("path_", StringComparison.Ordinal); at++)
            {
                if (random.Next(3) == 0 && parameters[at] == ValueKind.I32 && parameters[at + 1] == ValueKind.I32)
                    (arguments[at], arguments[at + 1]) = (4_096, random.Next(8));
            }

            try
            {
                guest.Instance.Invoke(name, arguments);
            }
            catch (Exception exception) when (exception is TrapException or ProcessExitException)
            {
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"Seed {seed}, call {i}: {name}({string.Join(", ", arguments)}).", exception);
            }
        }

        guest.Instance.FuelConsumed.ShouldBeGreaterThan(CallsOfAGuest * WasiFuel.Call / 2);
    }

    private static void WritePath(WasiGuest guest, Random random)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(s_paths[random.Next(s_paths.Length)]);
        var at = (uint)random.Next(4_096, 4_104);
        bytes.CopyTo(guest.Memory.GetSpan(at, bytes.Length));
    }

    private static Value Argument(ValueKind kind, Random random)
    {
        var number = random.Next(8) switch
        {
            0 => random.NextInt64(),
            1 => -random.Next(1, 100),
            2 => random.Next(0, 70_000),
            3 => 1L << random.Next(64),
            4 => 4_096,
            _ => random.Next(0, 12),
        };
        return kind == ValueKind.I32 ? Value.FromInt32(unchecked((int)number)) : Value.FromInt64(number);
    }
}
