using System.Diagnostics;
using Stoa.Wasm.Fuzz.Generation;

namespace Stoa.Wasm.Fuzz.Decode;

/// <summary>Feeds the decoder with damaged modules. Each is a valid module, which is then run, or refused with a place in it.</summary>
internal sealed class DecodeFuzzer
{
    public const string Mode = "decode";

    /// <summary>What decoding may allocate: so much in any case, and so much for each byte of the module.</summary>
    private const long FixedBytes = 4 << 20;

    private const long BytesPerByte = 600;

    private static readonly ExecutionLimits s_limits = new()
    {
        Fuel = 100_000,
        MaxMemoryBytes = 4 << 20,
        MaxTableElements = 10_000,
        MaxCallDepth = 500,
        Timeout = TimeSpan.FromSeconds(5),
    };

    private readonly byte[][] _programs = ReadPrograms();

    public FuzzReport Run(FuzzBounds bounds, ulong seed, LastSeed lastSeed)
    {
        var report = new FuzzReport(Mode) { FirstSeed = seed };
        var clock = Stopwatch.StartNew();
        for (; !bounds.AreReached(clock.Elapsed, report); seed++)
        {
            lastSeed.Write(Mode, seed);
            var random = new SeededRandom(seed);
            byte[] input = MakeInput(seed, random);
            report.Inputs++;
            report.Executions++;
            try
            {
                if (Check(input, random))
                    report.Valid++;
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                report.Findings.Add(new Finding(seed, Mode, failure.ToString(), input));
            }
        }

        report.Elapsed = clock.Elapsed;
        return report;
    }

    private static byte[][] ReadPrograms()
    {
        string[] folders = [Path.Combine(Checkout.Root, "samples"), Path.Combine(Checkout.Root, "benchmarks", "programs")];
        return
        [
            .. folders.Where(Directory.Exists)
                .SelectMany(folder => Directory.EnumerateFiles(folder, "*.wasm", SearchOption.AllDirectories))
                .Order(StringComparer.Ordinal)
                .Select(File.ReadAllBytes),
        ];
    }

    private byte[] MakeInput(ulong seed, SeededRandom random)
    {
        int kind = random.Below(100);
        if (kind < 3)
        {
            byte[] noise = new byte[random.Below(300)];
            random.Fill(noise);
            if (kind > 0 && noise.Length > 8)
                ModuleBytes.Header.CopyTo(noise);
            return noise;
        }

        // The larger programs take long to decode, so they come up less often.
        byte[] start = _programs.Length > 0 && kind < 30
            ? random.Chance(90) ? random.Pick<byte[]>([.. _programs.Where(program => program.Length < 10_000)]) : random.Pick<byte[]>(_programs)
            : ModuleGenerator.Generate(seed).ToBytes();
        return Mutation.Apply(start, random);
    }

    /// <summary>Decodes an input, and runs it when it is valid.</summary>
    /// <returns>Whether it is.</returns>
    /// <exception cref="FuzzException">The engine did not keep what it promises.</exception>
    private static bool Check(byte[] input, SeededRandom random)
    {
        var engine = new Engine(new EngineOptions { CachedModules = 0, BoundsChecks = random.Chance(50) ? BoundsChecks.Automatic : BoundsChecks.Explicit });
        long before = GC.GetAllocatedBytesForCurrentThread();
        Module? module = null;
        try
        {
            module = engine.Compile(input);
        }
        catch (InvalidModuleException refusal)
        {
            if (refusal.Offset < 0 || refusal.Offset > input.Length)
                throw new FuzzException($"The refusal '{refusal.Message}' names a place outside of the module's {input.Length} bytes.");
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > FixedBytes + (BytesPerByte * input.Length))
            throw new FuzzException($"Decoding {input.Length} bytes allocated {allocated} bytes.");
        if (module is null)
            return false;
        Execute(module, random);
        return true;
    }

    /// <summary>Traps and refusals to link are all that may come of a valid module.</summary>
    private static void Execute(Module module, SeededRandom random)
    {
        using var imports = new DummyImports(module);
        try
        {
            using var instance = module.Instantiate(imports.Imports, s_limits);
            foreach (var function in instance.Exports.Values.OfType<Function>().Take(3))
            {
                var arguments = function.Type.Parameters
                    .Select(kind => Wasm.Fuzz.Execute.CellValues.ToValue(kind, InterestingValues.Of(kind, random)))
                    .ToArray();
                try
                {
                    function.Invoke(arguments);
                }
                catch (TrapException)
                {
                }
            }
        }
        catch (Exception end) when (end is TrapException or LinkException)
        {
        }
    }
}
