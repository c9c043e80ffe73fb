namespace Stoa.Wasm.Fuzz;

/// <summary>Something that must not be: engines differ, or the engine threw what it must not throw.</summary>
/// <param name="Seed">Replays it.</param>
/// <param name="Mode">Which of the fuzzers found it.</param>
/// <param name="Description">What was called, and how each one ended it.</param>
/// <param name="Module">The module; null where it cannot be told.</param>
/// <param name="SmallModule">A smaller one that does the same; null when none was found.</param>
internal sealed record Finding(ulong Seed, string Mode, string Description, byte[]? Module, byte[]? SmallModule = null)
{
    public string Command => $"./fuzz {Mode} --replay {Seed}";

    /// <summary>Writes the modules beside each other.</summary>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        if (Module is not null)
            File.WriteAllBytes(Path.Combine(folder, $"{Mode}-{Seed}.wasm"), Module);
        if (SmallModule is not null)
            File.WriteAllBytes(Path.Combine(folder, $"{Mode}-{Seed}-small.wasm"), SmallModule);
        File.WriteAllText(Path.Combine(folder, $"{Mode}-{Seed}.txt"), $"{Command}\n{Description}\n");
    }
}
