namespace Stoa.Wasm;

/// <summary>What modules may import, by two names. One set can serve any number of instantiations.</summary>
public sealed class Imports
{
    private readonly Dictionary<(string Module, string Name), Extern> _items = [];
    private readonly Dictionary<string, Func<string, Extern?>> _modules = [];

    /// <summary>Defines anything; the last definition of a pair of names wins.</summary>
    public Imports Add(string module, string name, Extern item)
    {
        ArgumentNullException.ThrowIfNull(item);
        _items[(module, name)] = item;
        return this;
    }

    /// <summary>Defines a function of the host by a delegate; see <see cref="Function.FromDelegate"/>.</summary>
    /// <exception cref="ArgumentException">The delegate has parameters or a result of another type than the numeric ones.</exception>
    public Imports AddFunction(string module, string name, Delegate body) => Add(module, name, Function.FromDelegate(body));

    /// <summary>Defines a function of the host of any signature.</summary>
    public Imports AddFunction(string module, string name, FunctionType type, HostFunction body) =>
        Add(module, name, Function.FromHost(type, body));

    /// <summary>Defines all exports of an instance under one module name. The two are linked from the next instantiation on.</summary>
    public Imports AddInstance(string module, Instance instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        foreach ((string name, Extern item) in instance.Exports)
            Add(module, name, item);
        return this;
    }

    /// <summary>What is defined under two names; null when nothing is.</summary>
    public Extern? Find(string module, string name) =>
        _items.GetValueOrDefault((module, name)) ?? _modules.GetValueOrDefault(module)?.Invoke(name);

    /// <summary>Defines what is made when it is asked for, each time anew; in what was defined before, it takes the place of those of the same names.</summary>
    /// <param name="module">The first name.</param>
    /// <param name="make">Makes what bears a second name; null when nothing does.</param>
    internal Imports AddModule(string module, Func<string, Extern?> make)
    {
        foreach (var replaced in _items.Keys.Where(item => item.Module == module && make(item.Name) is not null).ToList())
            _items.Remove(replaced);
        var earlier = _modules.GetValueOrDefault(module);
        _modules[module] = earlier is null ? make : name => make(name) ?? earlier(name);
        return this;
    }
}
