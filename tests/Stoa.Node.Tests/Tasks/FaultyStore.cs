using System.Reflection;

namespace Stoa.Node.Tests.Tasks;

/// <summary>A port before the real one: what a test says of a method is done in place of it.</summary>
public static class FaultyStore
{
    /// <param name="inner">The real one.</param>
    /// <param name="instead">Given the name of a method and its arguments: the answer, or null to have the real one answer.</param>
    public static TPort Before<TPort>(TPort inner, Func<string, object?[], object?> instead)
        where TPort : class
    {
        var port = DispatchProxy.Create<TPort, Proxy>();
        var proxy = (Proxy)(object)port;
        (proxy.Inner, proxy.Instead) = (inner, instead);
        return port;
    }

    public class Proxy : DispatchProxy
    {
        public object Inner { get; set; } = null!;

        public Func<string, object?[], object?> Instead { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            try
            {
                return Instead(targetMethod!.Name, args ?? []) ?? targetMethod.Invoke(Inner, args);
            }
            catch (TargetInvocationException failure)
            {
                throw failure.InnerException!;
            }
        }
    }
}
